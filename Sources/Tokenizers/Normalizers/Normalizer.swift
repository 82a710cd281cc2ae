/// Changes a text before it is cut into words. Texts are UTF-8.
indirect enum Normalizer: Sendable {
    case sequence([Normalizer])
    case form(UnicodeForm)
    case lowercase
    case strip(left: Bool, right: Bool)
    case stripAccents
    case prepend([UInt8])
    case replace(Pattern, [UInt8])
    /// The same for one byte, which most files replace: the space.
    case replaceByte(UInt8, [UInt8])
    case nmt
    case precompiled(PrecompiledMap)

    init(_ section: JSONSection) throws(TokenizerError) {
        let type = try section.type()
        if type != "Sequence", type != "Strip", type != "Prepend", type != "Replace", type != "Precompiled" {
            try section.allow(["type"])
        }
        switch type {
        case "Sequence":
            try section.allow(["type", "normalizers"])
            var steps: [Normalizer] = []
            for step in try section.sections("normalizers") { steps.append(try Normalizer(step)) }
            self = .sequence(steps)
        case "NFC", "NFD", "NFKC", "NFKD": self = .form(UnicodeForm(rawValue: type) ?? .nfc)
        case "Lowercase": self = .lowercase
        case "Strip":
            try section.allow(["type", "strip_left", "strip_right"])
            self = .strip(
                left: try section.bool("strip_left", default: true),
                right: try section.bool("strip_right", default: true))
        case "StripAccents": self = .stripAccents
        case "Prepend":
            try section.allow(["type", "prepend"])
            self = .prepend(Array(try section.string("prepend").utf8))
        case "Replace":
            try section.allow(["type", "pattern", "content"])
            let pattern = try section.section("pattern")
            let content = Array(try section.string("content").utf8)
            if let text = try pattern.optionalString("String"), text.utf8.count == 1, let byte = text.utf8.first {
                self = .replaceByte(byte, content)
            } else {
                self = .replace(try Pattern(pattern), content)
            }
        case "Nmt": self = .nmt
        case "Precompiled": self = .precompiled(try PrecompiledMap(section))
        default: throw section.unsupported("the normalizer '\(type)'")
        }
    }

    func apply(_ text: [UInt8]) -> [UInt8] {
        switch self {
        case .sequence(let steps): return steps.reduce(text) { $1.apply($0) }
        case .form(let form): return form.apply(text)
        case .lowercase: return Self.map(text, Self.lowercased)
        case .strip(let left, let right): return Self.strip(text, left, right)
        case .stripAccents: return Self.map(text) { Self.isAccent($0) ? "" : nil }
        case .prepend(let prefix): return text.isEmpty ? text : prefix + text
        case .replace(let pattern, let content): return pattern.replace(text, content)
        case .replaceByte(let byte, let content):
            var output: [UInt8] = []
            output.reserveCapacity(text.count + text.count / 2)
            for one in text { if one == byte { output += content } else { output.append(one) } }
            return output
        case .nmt: return Self.map(text, Self.nmt)
        case .precompiled(let map): return map.apply(text)
        }
    }

    /// Replaces the scalars for which `change` gives a text.
    private static func map(_ text: [UInt8], _ change: (Unicode.Scalar) -> String?) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.count)
        text.withUnsafeBufferPointer { bytes in
            var position = 0
            while position < bytes.count {
                let (scalar, length) = decodeScalar(bytes, position)
                if let changed = change(scalar) {
                    output += changed.utf8
                } else {
                    output += bytes[position..<(position + length)]
                }
                position += length
            }
        }
        return output
    }

    private static func lowercased(_ scalar: Unicode.Scalar) -> String? {
        if scalar.value < 0x80, !(0x41...0x5A).contains(scalar.value) { return nil }
        // As in patterns, what is younger than Unicode 16 has no properties.
        guard scalar.properties.changesWhenLowercased, Category.index(scalar) != Category.unassigned else { return nil }
        return scalar.properties.lowercaseMapping
    }

    /// A mark of Unicode 9, with the two signs that were marks then and the one that was not.
    private static func isAccent(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x300 { return false }
        switch scalar.value {
        case 0x1CF2, 0x1CF3: return true
        case 0x111C9: return false
        default: break
        }
        return (5...7).contains(Category.index(scalar)) && NormalizationData.isKnown(scalar)
    }

    /// What SentencePiece's rules for translation models do to controls and to characters that look like spaces.
    private static func nmt(_ scalar: Unicode.Scalar) -> String? {
        switch scalar.value {
        case 1...8, 0xB, 0xE...0x1F, 0x7F, 0x8F, 0x9F: ""
        case 9, 0xA, 0xC, 0xD, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD: " "
        default: nil
        }
    }

    private static func strip(_ text: [UInt8], _ left: Bool, _ right: Bool) -> [UInt8] {
        let scalars = String(decoding: text, as: UTF8.self).unicodeScalars
        var slice = scalars[...]
        if left { slice = slice.drop { $0.properties.isWhitespace } }
        if right { while let last = slice.last, last.properties.isWhitespace { slice.removeLast() } }
        return Array(String(slice).utf8)
    }
}

extension Pattern {
    /// The text with each match replaced.
    func replace(_ text: [UInt8], _ content: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.count)
        text.withUnsafeBufferPointer { buffer in
            var position = 0
            forEachMatch(in: buffer, range: 0..<buffer.count) { match in
                output += buffer[position..<match.lowerBound]
                output += content
                position = match.upperBound
            }
            output += buffer[position...]
        }
        return output
    }
}
