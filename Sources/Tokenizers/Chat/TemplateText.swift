/// Python's operations on strings, which count and compare code points.
enum TemplateText {
    /// Where `part` starts in `text`, in code points.
    static func find(_ part: String, in text: String, from start: Int) -> Int? {
        let text = Array(text.unicodeScalars)
        let part = Array(part.unicodeScalars)
        var place = start
        while place + part.count <= text.count {
            if text[place..<(place + part.count)].elementsEqual(part) { return place }
            place += 1
        }
        return nil
    }

    /// - Parameter characters: what to remove; nil for white space.
    static func strip(_ text: String, _ characters: String?, left: Bool = true, right: Bool = true) -> String {
        let set = characters.map { Set($0.unicodeScalars) }
        func goes(_ scalar: Unicode.Scalar) -> Bool { set?.contains(scalar) ?? isTemplateSpace(scalar) }
        var slice = text.unicodeScalars[...]
        if left { slice = slice.drop(while: goes) }
        if right { while let last = slice.last, goes(last) { slice.removeLast() } }
        return String(slice)
    }

    /// Splits at white space, which may be long and gives no empty parts, or at a separator.
    /// - Parameters:
    ///   - limit: how many cuts at most; below zero for all.
    ///   - fromEnd: the cuts are counted from the end.
    static func split(_ text: String, _ separator: String?, limit: Int, fromEnd: Bool = false) -> [String] {
        var scalars = Array(text.unicodeScalars)
        var mark = separator.map { Array($0.unicodeScalars) }
        if fromEnd {
            scalars.reverse()
            mark?.reverse()
        }
        var parts: [[Unicode.Scalar]] = []
        var rest = scalars[...]
        func cutsLeft() -> Bool { limit < 0 || parts.count < limit }
        if let mark {
            while cutsLeft(), let place = first(mark, in: rest) {
                parts.append(Array(rest[..<place]))
                rest = rest[(place + mark.count)...]
            }
            parts.append(Array(rest))
        } else {
            rest = rest.drop(while: isTemplateSpace)
            while cutsLeft(), let place = rest.firstIndex(where: isTemplateSpace) {
                parts.append(Array(rest[..<place]))
                rest = rest[place...].drop(while: isTemplateSpace)
            }
            if !rest.isEmpty { parts.append(Array(rest)) }
        }
        if fromEnd { parts = parts.reversed().map { $0.reversed() } }
        return parts.map { string($0) }
    }

    private static func first(_ mark: [Unicode.Scalar], in text: ArraySlice<Unicode.Scalar>) -> Int? {
        var place = text.startIndex
        while place + mark.count <= text.endIndex {
            if text[place..<(place + mark.count)].elementsEqual(mark) { return place }
            place += 1
        }
        return nil
    }

    static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var text = ""
        text.unicodeScalars.append(contentsOf: scalars)
        return text
    }

    static func replace(_ text: String, _ old: String, _ new: String, limit: Int) -> String {
        if !old.isEmpty { return split(text, old, limit: limit).joined(separator: new) }
        // An empty text is found between all characters.
        var output = ""
        var count = 0
        for scalar in text.unicodeScalars {
            if limit < 0 || count < limit { output += new }
            count += 1
            output.unicodeScalars.append(scalar)
        }
        return limit < 0 || count < limit ? output + new : output
    }

    /// Lines with their ends, or without.
    static func lines(_ text: String, keepEnds: Bool) -> [String] {
        var lines: [String] = []
        var line = ""
        var afterReturn = false
        for scalar in text.unicodeScalars {
            if afterReturn {
                afterReturn = false
                if scalar == "\n" {
                    if keepEnds { lines[lines.count - 1].unicodeScalars.append(scalar) }
                    continue
                }
            }
            switch scalar.value {
            case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029:
                if keepEnds { line.unicodeScalars.append(scalar) }
                lines.append(line)
                line = ""
                afterReturn = scalar == "\r"
            default: line.unicodeScalars.append(scalar)
            }
        }
        return line.isEmpty ? lines : lines + [line]
    }

    static func capitalized(_ text: String) -> String {
        guard let first = text.unicodeScalars.first else { return text }
        return first.properties.titlecaseMapping + String(text.unicodeScalars.dropFirst()).lowercased()
    }

    /// The filter `title`: a word starts behind white space and behind `-({[<`.
    static func title(_ text: String) -> String {
        var output = ""
        var startsWord = true
        for scalar in text.unicodeScalars {
            output += startsWord ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
            startsWord = isTemplateSpace(scalar) || "-({[<".unicodeScalars.contains(scalar)
        }
        return output
    }

    /// The method `title`: a word is a run of letters.
    static func pythonTitle(_ text: String) -> String {
        var output = ""
        var inWord = false
        for scalar in text.unicodeScalars {
            let properties = scalar.properties
            output += inWord ? properties.lowercaseMapping : properties.titlecaseMapping
            inWord = properties.isCased
        }
        return output
    }
}
