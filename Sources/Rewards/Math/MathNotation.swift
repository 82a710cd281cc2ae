import Foundation

/// Brings the notations of a result to one.
enum MathNotation {
    /// What is only typesetting, and what stands for it.
    private static let spelled: [(String, String)] = [
        (#"\left"#, ""), (#"\right"#, ""), (#"\big"#, ""), (#"\Big"#, ""), (#"\displaystyle"#, ""), (#"\,"#, ""),
        (#"\!"#, ""), ("{,}", ""), (#"\;"#, ""), (#"\:"#, ""), (#"\ "#, " "), (#"\quad"#, " "), ("~", " "),
        ("\u{a0}", " "),
        (#"\$"#, ""), ("$", ""), (#"\("#, ""), (#"\)"#, ""), (#"\["#, ""), (#"\]"#, ""), (#"\dfrac"#, #"\frac"#),
        (#"\tfrac"#, #"\frac"#), (#"\cdot"#, "*"), (#"\times"#, "*"), (#"\div"#, "/"), ("×", "*"), ("·", "*"),
        ("÷", "/"), ("−", "-"), ("–", "-"), ("**", "^"), ("π", #"\pi "#), ("√", #"\sqrt"#), ("∞", #"\infty "#),
        (#"^{\circ}"#, ""), (#"^\circ"#, ""), ("°", ""), (#"\degree"#, ""), ("€", ""), ("£", ""),
    ]
    private static let units = expression(#"\\(?:text|mbox|textrm|mathrm|textbf)\s*\{[^{}]*\}"#)
    private static let trailingWords = expression(
        #"(?<=[\d})\]])\s*(?!(?:pi|sqrt|sin|cos|tan|log|ln|exp)\b)[A-Za-z]{2,}[A-Za-z .]*$"#)
    private static let assigned = expression(#"^\s*(?:[A-Za-z]|[A-Za-z]\([a-z]\)|\\[a-z]+)\s*(?:=|\\in)\s*"#)
    private static let thousands = expression(#"(?<=\d),(?=\d{3}(?!\d))"#)

    /// - Returns: the text without typesetting and units, and whether it was a percentage.
    static func plain(_ raw: String) -> (text: String, isPercentage: Bool) {
        var text = raw
        for (old, new) in spelled { text = text.replacingOccurrences(of: old, with: new) }
        // Words in a formula are its units, but for a result that is nothing else.
        let bare = replace(units, in: text, with: "")
        if !trimmed(bare).isEmpty { text = bare }
        text = trimmed(replace(assigned, in: text, with: ""))
        text = trimmed(replace(trailingWords, in: text, with: ""))
        let sign = text.hasSuffix(#"\%"#) ? 2 : text.hasSuffix("%") ? 1 : 0
        text = trimmed(String(text.dropLast(sign)))
        // Not in a tuple, where a comma parts its elements.
        if text.first.map({ !"([{\\".contains($0) }) ?? false, !text.contains(", ") {
            text = replace(thousands, in: text, with: "")
        }
        return (text, sign > 0)
    }

    /// A result that is no formula: its letters and digits. A choice keeps its letter alone: "(B)" and "B." are "b".
    static func word(_ raw: String) -> String {
        let text = raw.replacingOccurrences(
            of: #"\\(?:text|mbox|textrm|mathrm|textbf)\b"#, with: "", options: .regularExpression)
        return text.lowercased().filter { $0.isLetter || $0.isNumber }
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
        guard let elements = split(text), elements.count > 1 else { return nil }
        return ("", elements, "")
    }

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

    private static func expression(_ pattern: String) -> NSRegularExpression? {
        try? NSRegularExpression(pattern: pattern)
    }
}
