/// `x | …`
extension TemplateInterpreter {
    mutating func applyFilter(
        _ name: String, to value: TemplateValue, _ call: TemplateCall, _ line: Int
    ) throws(TokenizerError) -> TemplateValue {
        switch name {
        case "default", "d":
            try call.allow(["default_value", "boolean"], name, line)
            let fallback = call.argument(0, "default_value") ?? .string("")
            if case .undefined = value { return fallback }
            return call.argument(1, "boolean")?.isTrue == true && !value.isTrue ? fallback : value
        case "tojson": return .string(try json(value, call, line))
        case "trim", "upper", "lower", "capitalize", "title", "string", "replace", "indent", "safe":
            return .string(try textFilter(name, value, call, line))
        case "length", "count":
            try call.allow([], name, line)
            if case .string(let text) = value { return .integer(text.unicodeScalars.count) }
            return .integer(try iterate(value, line).count)
        case "int", "float", "abs", "round": return try numberFilter(name, value, call, line)
        case "items":
            try call.allow([], name, line)
            if case .undefined = value { return .list([]) }
            guard case .dictionary(let entries) = value else {
                throw templateError(line, "'items' of \(value.typeName)")
            }
            return .list(entries.map { .tuple([$0.key, $0.value]) })
        case "dictsort":
            try call.allow(["case_sensitive", "by", "reverse"], name, line)
            guard case .dictionary(let entries) = value else {
                throw templateError(line, "'dictsort' of \(value.typeName)")
            }
            let byValue = call.argument(1, "by")?.text == "value"
            var pairs = try sorted(
                entries.map { TemplateValue.tuple([$0.key, $0.value]) },
                caseSensitive: call.argument(0, "case_sensitive")?.isTrue ?? false, line
            ) { pair throws(TokenizerError) in
                guard case .tuple(let parts) = pair else { return pair }
                return parts[byValue ? 1 : 0]
            }
            if call.argument(2, "reverse")?.isTrue == true { pairs.reverse() }
            return .list(pairs)
        default: return try listFilter(name, value, call, line)
        }
    }

    private func textFilter(
        _ name: String, _ value: TemplateValue, _ call: TemplateCall, _ line: Int
    ) throws(TokenizerError) -> String {
        let text = value.text
        switch name {
        case "trim":
            try call.allow(["chars"], name, line)
            var characters: String?
            if case .string(let given)? = call.argument(0, "chars") { characters = given }
            return TemplateText.strip(text, characters)
        case "replace":
            try call.allow(["old", "new", "count"], name, line)
            guard let old = call.argument(0, "old"), let new = call.argument(1, "new") else {
                throw templateError(line, "'replace' needs two texts")
            }
            return try replaced(
                text, old.text, new.text, limit: call.argument(2, "count")?.asInteger ?? -1, line)
        case "indent":
            try call.allow(["width", "first", "blank"], name, line)
            return try indented(text, call, line)
        default:
            try call.allow([], name, line)
            switch name {
            case "upper": return text.uppercased()
            case "lower": return text.lowercased()
            case "capitalize": return TemplateText.capitalized(text)
            case "title": return TemplateText.title(text)
            default: return text
            }
        }
    }

    private func indented(_ text: String, _ call: TemplateCall, _ line: Int) throws(TokenizerError) -> String {
        let blanks: String
        switch call.argument(0, "width") {
        case .string(let given): blanks = given
        case .some(let width): blanks = String(repeating: " ", count: min(max(0, width.asInteger ?? 4), 1000))
        case nil: blanks = "    "
        }
        let keepsBlankLines = !(call.argument(2, "blank")?.isTrue ?? false)
        let first = call.argument(1, "first")?.isTrue ?? false ? blanks : ""
        // As the reference does it: a text that ends a line has one more, empty line behind it.
        var lines = TemplateText.lines(text + "\n", keepEnds: false)
        guard !lines.isEmpty else { return first }
        let head = lines.removeFirst()
        if lines.count * (blanks.utf8.count + 1) > Self.maximumOutput {
            throw templateError(line, "the text grows beyond 64 MB")
        }
        return first + ([head] + lines.map { $0.isEmpty && keepsBlankLines ? $0 : blanks + $0 }).joined(separator: "\n")
    }

    private func json(_ value: TemplateValue, _ call: TemplateCall, _ line: Int) throws(TokenizerError) -> String {
        try call.allow(["ensure_ascii", "indent", "separators", "sort_keys"], "tojson", line)
        guard let json = value.json else { throw templateError(line, "'tojson' of \(value.typeName)") }
        if call.argument(0, "ensure_ascii")?.isTrue == true {
            throw templateError(line, "'tojson' with ensure_ascii is not supported in chat templates")
        }
        var writer = JSONWriter()
        if let indent = call.argument(1, "indent")?.asInteger {
            if indent > 100 { throw templateError(line, "'tojson' with an indent of more than 100") }
            // As Python takes a negative one: lines without an indent.
            writer.indent = max(0, indent)
        }
        if let separators = call.argument(2, "separators"), separators.isTrue {
            let pair = try iterate(separators, line)
            guard pair.count == 2 else { throw templateError(line, "'tojson' needs two separators") }
            writer.itemSeparator = pair[0].text
            writer.keySeparator = pair[1].text
            writer.trimsSeparator = false
        }
        writer.sortsKeys = call.argument(3, "sort_keys")?.isTrue ?? false
        return writer.text(json)
    }

    private func numberFilter(
        _ name: String, _ value: TemplateValue, _ call: TemplateCall, _ line: Int
    ) throws(TokenizerError) -> TemplateValue {
        switch name {
        case "int":
            try call.allow(["default"], name, line)
            let fallback = call.argument(0, "default") ?? .integer(0)
            if let integer = value.asInteger { return .integer(integer) }
            if case .string(let text) = value, let integer = Int(TemplateText.strip(text, nil)) {
                return .integer(integer)
            }
            guard let number = value.asNumber ?? Double(TemplateText.strip(value.text, nil)),
                let integer = Int(exactly: number.rounded(.towardZero))
            else { return fallback }
            return .integer(integer)
        case "float":
            try call.allow(["default"], name, line)
            if let number = value.asNumber { return .number(number) }
            if case .string(let text) = value, let number = Double(TemplateText.strip(text, nil)) {
                return .number(number)
            }
            return call.argument(0, "default") ?? .number(0)
        case "abs":
            if let integer = value.asInteger, integer != .min { return .integer(abs(integer)) }
            guard let number = value.asNumber else { throw templateError(line, "'abs' of \(value.typeName)") }
            return .number(abs(number))
        default:
            try call.allow(["precision", "method"], name, line)
            guard let number = value.asNumber else { throw templateError(line, "'round' of \(value.typeName)") }
            let precision = call.argument(0, "precision")?.asInteger ?? 0
            guard (0...15).contains(precision) else { throw templateError(line, "'round' to \(precision) digits") }
            var scale = 1.0
            for _ in 0..<precision { scale *= 10 }
            switch call.argument(1, "method")?.text ?? "common" {
            case "ceil": return .number((number * scale).rounded(.up) / scale)
            case "floor": return .number((number * scale).rounded(.down) / scale)
            default:
                if let integer = value.asInteger { return .integer(integer) }
                return .number((number * scale).rounded(.toNearestOrEven) / scale)
            }
        }
    }
}
