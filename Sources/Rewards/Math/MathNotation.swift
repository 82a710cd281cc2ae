import Foundation

/// Brings the notations of a result to one.
enum MathNotation {
    /// A result without typesetting.
    struct Plain {
        var text: String
        /// What the result is said to be the value of: "x" of "x = 5".
        var name: String?
        /// With its name, where it has one.
        var whole: String
        var isPercentage = false
        /// The letter of "(B) 12", whose text is "12".
        var choice: Character?
        /// The words that it consists of, when it has nothing but words.
        var words: [String]?
    }

    /// Parts the rows of a matrix.
    static let newRow = "\u{1}"
    /// What is only typesetting, and what stands for it.
    private static let spelled: [(String, String)] = [
        (#"\bigcup"#, #"\cup"#), (#"\left"#, ""), (#"\right"#, ""), (#"\bigl"#, ""), (#"\bigr"#, ""), (#"\Bigl"#, ""),
        (#"\Bigr"#, ""), (#"\big"#, ""), (#"\Big"#, ""), (#"\displaystyle"#, ""), (#"\,"#, ""),
        (#"\!"#, ""), ("{,}", ""), (#"\;"#, ""), (#"\:"#, ""), (#"\ "#, " "), (#"\quad"#, " "), ("~", " "),
        ("\u{a0}", " "),
        (#"\$"#, ""), ("$", ""), (#"\("#, ""), (#"\)"#, ""), (#"\["#, ""), (#"\]"#, ""), (#"\dfrac"#, #"\frac"#),
        (#"\tfrac"#, #"\frac"#), (#"\cdot"#, "*"), (#"\times"#, "*"), (#"\div"#, "/"), ("×", "*"), ("·", "*"),
        ("÷", "/"), ("−", "-"), ("–", "-"), ("**", "^"), ("π", #"\pi "#), ("√", #"\sqrt"#), ("∞", #"\infty "#),
        (#"^{\circ}"#, ""), (#"^\circ"#, ""), ("°", ""), (#"\degree"#, ""), ("€", ""), ("£", ""), ("∪", #"\cup "#),
        ("±", #"\pm "#), ("<=", "≤"), (">=", "≥"), ("==", "="),
    ]
    private static let signs = [
        (expression(#"\\(?:leqslant|leq|le)(?![A-Za-z])"#), "≤"),
        (expression(#"\\(?:geqslant|geq|ge)(?![A-Za-z])"#), "≥"),
        (expression(#"\\(?:neq|ne)(?![A-Za-z])"#), "≠"), (expression(#"\\lt(?![A-Za-z])"#), "<"),
        (expression(#"\\gt(?![A-Za-z])"#), ">"),
    ]
    private static let emphasis = expression(#"^\s*(\*\*|__)((?:(?!\1).)+)\1\s*$"#)
    private static let conjunction = expression(
        #"\s*(?:\\(?:text|mbox|textrm|mathrm)\s*\{\s*,?\s*(?:and|or)\s*\}|(?<=[\s,])(?:and|or)(?=\s))\s*"#)
    private static let wrapper = expression(
        #"\\(text|mbox|textrm|textbf|textit|mathrm|mathbf|mathit|boldsymbol|boxed|fbox)\s*\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"#
    )
    private static let unitPower = expression(#"^\s*\^\s*(?:\{\s*-?\d\s*\}|\d)"#)
    private static let choice = expression(#"^\s*(?:\(([A-J])\)|([A-J])[).:])\s+(?=\S)"#)
    private static let trailingWords = expression(
        #"(?:(?<=[\d})\]])\s+(?!(?:[xyz]{2,3}|[abc]{2,3}|[mn]{2}|[pqrst]{2})$)|"#
            + #"(?<=[\d})\]])(?=(?:[cmk]m|kg|m[gl]|ft|in|hrs?|min|sec|mph|lbs?|oz|yd|mi|th|st|nd|rd)\b|[A-Za-z]{5,}))"#
            + #"(?!(?:pi|sqrt|sin|cos|tan|log|ln|exp)\b|[apAP]\.?[mM]\b)[A-Za-z]{2,}[A-Za-z .]*(?:\^\s*(?:\{[23]\}|[23]))?$"#
    )
    private static let assigned = expression(
        #"^\s*((?:[A-Za-z]|\\[a-z]+)(?:_(?:\w|\{\w+\}))?|[A-Za-z]\([a-z]\))\s*(=|\\in(?![a-z]))\s*(?=\S)"#)
    private static let thousands = expression(#"(?<=\d),(?=\d{3}(?!\d))"#)

    static func plain(_ raw: String) -> Plain {
        var text = replace(emphasis, in: raw, with: "$2")
        if text.contains(#"\begin"#) {
            text = text.replacingOccurrences(of: #"\\"#, with: newRow)
        } else if text.contains(#"\\"#) {
            // A label that was escaped twice.
            text = text.replacingOccurrences(of: #"\\\\(?=[A-Za-z])"#, with: #"\\"#, options: .regularExpression)
        }
        for (old, new) in spelled where text.contains(old) { text = text.replacingOccurrences(of: old, with: new) }
        for (sign, new) in signs { text = replace(sign, in: text, with: new) }
        text = replace(conjunction, in: text, with: ", ").replacingOccurrences(
            of: #",\s*,"#, with: ",", options: .regularExpression)
        text = unwrapped(text)
        var plain = Plain(text: "", whole: "", words: words(text))
        if let match = first(choice, in: text) {
            plain.choice = (match[1] ?? match[2])?.first
            text = String(text[match.range.upperBound...])
        }
        plain.whole = trimmed(text)
        text = plain.whole
        if let match = first(assigned, in: text), let name = match[1] {
            let rest = String(text[match.range.upperBound...])
            // The names of "x = 1, y = 2" belong to its elements.
            if !(split(rest).map { $0.count > 1 && rest.contains("=") } ?? false) {
                plain.name = match[2] == "=" ? name.filter { !$0.isWhitespace } : nil
                text = rest
            }
        }
        text = trimmed(replace(trailingWords, in: trimmed(text), with: ""))
        let sign = text.hasSuffix(#"\%"#) ? 2 : text.hasSuffix("%") ? 1 : 0
        plain.isPercentage = sign > 0
        text = trimmed(String(text.dropLast(sign)))
        // Not in a tuple, where a comma parts its elements.
        if text.first.map({ !"([{\\".contains($0) }) ?? false, !text.contains(", ") {
            text = replace(thousands, in: text, with: "")
        }
        plain.text = text
        return plain
    }

    /// `\text{13}` is 13 and `\mathrm{e}` is e, but words after a number are its unit.
    private static func unwrapped(_ raw: String) -> String {
        var text = raw
        for _ in 0..<100 {
            guard let match = first(wrapper, in: text), let kind = match[1], let content = match[2] else { break }
            var before = String(text[..<match.range.lowerBound])
            var after = String(text[match.range.upperBound...])
            let isWords = kind.hasPrefix("text") || kind == "mbox"
            let letters = content.filter { !$0.isWhitespace }
            let isUnit =
                (isWords || kind == "mathrm") && letters.contains(where: \.isLetter) && letters != "e"
                && !letters.contains(where: { $0.isNumber || "()[]{}\\=<>".contains($0) })
            let left = before.trimmingCharacters(in: .whitespaces)
            let follows = left.last.map { $0.isNumber || "})]%".contains($0) } ?? false
            let isApart = !left.isEmpty && content.first == " "
            if isUnit, follows || isApart || left.hasSuffix(#"\pi"#) {
                after = replace(unitPower, in: after, with: "")
            } else if isWords, isUnit, left.isEmpty, content.last.map({ " :".contains($0) }) ?? false, !after.isEmpty {
                // What comes before a result is no part of it.
            } else if isWords, isUnit, left.isEmpty, letters.count > 1, let sign = after.firstIndex(of: "="),
                after[..<sign].allSatisfy(\.isWhitespace)
            {
                after = String(after[after.index(after: sign)...])
            } else {
                before += content
            }
            text = before + after
        }
        return text
    }

    /// A result in words, without its punctuation and whatever its case: "(B)", "B)" and "B." are "b". Nil when it has
    /// signs that mean something.
    private static func words(_ text: String) -> [String]? {
        guard text.contains(where: \.isLetter), text.count <= 1000,
            text.allSatisfy({ $0.isLetter || $0.isNumber || $0.isWhitespace || ".,;:!?'’\"“”()-".contains($0) })
        else { return nil }
        let letters = Array(text.lowercased())
        var words = [""]
        for (index, letter) in letters.enumerated() {
            let next = index + 1 < letters.count ? letters[index + 1] : " "
            let last = words[words.count - 1].last
            if letter == "-", next.isNumber { return nil }
            if letter.isLetter || letter.isNumber {
                if let last, last.isNumber != letter.isNumber { words.append("") }
                words[words.count - 1].append(letter)
            } else if letter == ".", next.isNumber, last?.isNumber ?? true {
                words[words.count - 1].append(letter)
            } else if !".'’-".contains(letter), last != nil {
                words.append("")
            }
        }
        return words.filter { !$0.isEmpty }
    }

    /// What two results must have in common to be the same as texts: all but spaces, and braces around single letters.
    static func compact(_ text: String) -> String {
        var text = text.replacingOccurrences(of: #"(?<=\d)\s+(?=\d)"#, with: "\u{2}", options: .regularExpression)
        text = text.filter { !$0.isWhitespace }
        return text.replacingOccurrences(of: #"([_^])\{(\w)\}"#, with: "$1$2", options: .regularExpression)
    }

    /// A formula without the brackets around all of it.
    static func unbracketed(_ text: String) -> String {
        guard text.first == "(", text.last == ")" else { return text }
        var depth = 0
        for index in text.indices.dropLast() {
            if text[index] == "(" { depth += 1 }
            if text[index] == ")" { depth -= 1 }
            if depth == 0 { return text }
        }
        return String(text.dropFirst().dropLast())
    }

    /// The elements of a tuple, an interval, a set or a bare list; nil for everything else.
    static func list(_ text: String) -> (open: String, elements: [String], close: String)? {
        let openings = [("\\{", "{"), ("(", "("), ("[", "[")]
        let closings = [("\\}", "}"), (")", ")"), ("]", "]")]
        if let open = openings.first(where: { text.hasPrefix($0.0) }),
            let close = closings.first(where: { text.hasSuffix($0.0) }),
            text.count > open.0.count + close.0.count,
            let elements = split(String(text.dropFirst(open.0.count).dropLast(close.0.count)))
        {
            if elements.count > 1 || open.1 == "{" { return (open.1, elements, close.1) }
            return nil
        }
        if let elements = split(text), elements.count > 1 { return ("", elements, "") }
        // Both signs of ± are a result.
        guard text.contains(#"\pm"#), !text.contains(#"\mp"#), text.components(separatedBy: #"\pm"#).count == 2 else {
            return nil
        }
        return ("", ["+", "-"].map { text.replacingOccurrences(of: #"\pm"#, with: $0) }, "")
    }

    /// The parts of a union; nil for everything else.
    static func union(_ text: String) -> [String]? {
        let parts = text.components(separatedBy: #"\cup"#)
        return parts.count > 1 && parts.count <= 100 ? parts.map { trimmed($0) } : nil
    }

    /// The rows of a matrix, whatever its brackets, or of a determinant; nil for everything else.
    static func matrix(_ text: String) -> (isDeterminant: Bool, rows: [[String]])? {
        guard let start = first(matrixStart, in: text), let kind = start[1], text.hasSuffix("\\end{\(kind)}") else {
            return nil
        }
        let body = text[start.range.upperBound...].dropLast("\\end{\(kind)}".count)
        guard !body.contains(#"\begin"#) else { return nil }
        var rows = body.components(separatedBy: newRow).map { $0.components(separatedBy: "&").map { trimmed($0) } }
        if rows.last == [""] { rows.removeLast() }
        return (kind.lowercased().hasPrefix("v"), rows)
    }

    private static let matrixStart = expression(#"^\\begin\{([pbBvV]?matrix|smallmatrix)\}"#)

    /// At the commas outside of all brackets; nil when brackets do not fit.
    private static func split(_ text: String) -> [String]? {
        var (depth, parts) = (0, [""])
        for letter in text {
            if "([{".contains(letter) { depth += 1 }
            if ")]}".contains(letter) { depth -= 1 }
            guard depth >= 0 else { return nil }
            if letter == ",", depth == 0 { parts.append("") } else { parts[parts.count - 1].append(letter) }
        }
        return depth == 0 && parts.count <= 100 ? parts : nil
    }

    private static func trimmed(_ text: String) -> String {
        var text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        while let last = text.last, ".,;:".contains(last) { text = String(text.dropLast()) }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func replace(_ expression: NSRegularExpression?, in text: String, with new: String) -> String {
        expression?.stringByReplacingMatches(
            in: text, range: NSRange(text.startIndex..., in: text), withTemplate: new) ?? text
    }

    private struct Match {
        var range: Range<String.Index>
        var groups: [String?]
        subscript(group: Int) -> String? { groups.indices.contains(group) ? groups[group] : nil }
    }

    private static func first(_ expression: NSRegularExpression?, in text: String) -> Match? {
        guard let found = expression?.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)),
            let range = Range(found.range, in: text)
        else { return nil }
        let groups = (0..<found.numberOfRanges).map { Range(found.range(at: $0), in: text).map { String(text[$0]) } }
        return Match(range: range, groups: groups)
    }

    private static func expression(_ pattern: String) -> NSRegularExpression? {
        try? NSRegularExpression(pattern: pattern)
    }
}
