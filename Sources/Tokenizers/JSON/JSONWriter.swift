/// Writes JSON as Python's `json.dumps(…, ensure_ascii=False)` does, which is what chat templates print.
struct JSONWriter {
    var itemSeparator = ", "
    var keySeparator = ": "
    /// Spaces a level; nil for one line.
    var indent: Int?
    var sortsKeys = false
    /// With an indent the line break stands for the space behind a comma, unless the caller chose the separator.
    var trimsSeparator = true

    func text(_ value: JSONValue) -> String {
        var output = ""
        write(value, level: 0, to: &output)
        return output
    }

    private func write(_ value: JSONValue, level: Int, to output: inout String) {
        switch value {
        case .null: output += "null"
        case .bool(let flag): output += flag ? "true" : "false"
        case .integer(let number): output += String(number)
        case .largeInteger(let digits): output += digits
        case .number(let number): output += Self.text(of: number)
        case .string(let text): Self.quote(text, to: &output)
        case .array(let elements):
            if elements.isEmpty {
                output += "[]"
                return
            }
            output += "["
            for (index, element) in elements.enumerated() {
                separate(index, level + 1, &output)
                write(element, level: level + 1, to: &output)
            }
            newLine(level, &output)
            output += "]"
        case .object(let members):
            if members.isEmpty {
                output += "{}"
                return
            }
            output += "{"
            let ordered =
                sortsKeys
                ? members.sorted { $0.key.unicodeScalars.lexicographicallyPrecedes($1.key.unicodeScalars) } : members
            for (index, member) in ordered.enumerated() {
                separate(index, level + 1, &output)
                Self.quote(member.key, to: &output)
                output += keySeparator
                write(member.value, level: level + 1, to: &output)
            }
            newLine(level, &output)
            output += "}"
        }
    }

    private func separate(_ index: Int, _ level: Int, _ output: inout String) {
        if index > 0 { output += indent != nil && trimsSeparator ? "," : itemSeparator }
        newLine(level, &output)
    }

    private func newLine(_ level: Int, _ output: inout String) {
        guard let indent else { return }
        output += "\n" + String(repeating: " ", count: indent * level)
    }

    static func quote(_ text: String, to output: inout String) {
        output += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case "\r": output += "\\r"
            case "\t": output += "\\t"
            case "\u{8}": output += "\\b"
            case "\u{C}": output += "\\f"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: output.unicodeScalars.append(scalar)
            }
        }
        output += "\""
    }

    /// The shortest text that reads back as the same number, with an exponent where Python writes one: from 1e16 on
    /// and below 1e-4.
    static func text(of number: Double) -> String {
        if number.isNaN { return "NaN" }
        if number.isInfinite { return number < 0 ? "-Infinity" : "Infinity" }
        if abs(number) < 1e16, number == number.rounded(.towardZero) {
            return (number.sign == .minus ? "-" : "") + String(Int64(abs(number))) + ".0"
        }
        return number.description
    }
}
