/// Filters that take something with elements.
extension TemplateInterpreter {
    mutating func listFilter(
        _ name: String, _ value: TemplateValue, _ call: TemplateCall, _ line: Int
    ) throws(TokenizerError) -> TemplateValue {
        switch name {
        case "list":
            try call.allow([], name, line)
            return .list(try iterate(value, line))
        case "first", "last":
            try call.allow([], name, line)
            let elements = try iterate(value, line)
            return (name == "first" ? elements.first : elements.last) ?? .undefined("there is no \(name) element")
        case "join":
            try call.allow(["d", "attribute"], name, line)
            var parts: [String] = []
            for element in try iterate(value, line) {
                parts.append(try path(call.argument(1, "attribute"), of: element, line).text)
            }
            return .string(try joined(parts, call.argument(0, "d")?.text ?? "", line))
        case "reverse":
            try call.allow([], name, line)
            if case .string(let text) = value { return .string(TemplateText.string(text.unicodeScalars.reversed())) }
            return .list(try iterate(value, line).reversed())
        case "sort":
            try call.allow(["reverse", "case_sensitive", "attribute"], name, line)
            let attribute = call.argument(2, "attribute")
            var elements = try sorted(
                try iterate(value, line), caseSensitive: call.argument(1, "case_sensitive")?.isTrue ?? false, line
            ) { element throws(TokenizerError) in try path(attribute, of: element, line) }
            if call.argument(0, "reverse")?.isTrue == true { elements.reverse() }
            return .list(elements)
        case "unique":
            try call.allow([], name, line)
            var seen: Set<[UInt8]> = []
            return .list(
                try iterate(value, line).filter { seen.insert(Array(folded($0).representation.utf8)).inserted })
        case "sum", "min", "max": return try reduced(name, value, call, line)
        case "map": return .list(try mapped(value, call, line))
        case "select", "reject", "selectattr", "rejectattr": return .list(try selected(name, value, call, line))
        default: throw templateError(line, "the filter '\(name)' is not supported in chat templates")
        }
    }

    /// `a.b.0` of a value; the value itself without a path.
    private func path(
        _ attribute: TemplateValue?, of value: TemplateValue, _ line: Int
    ) throws(TokenizerError) -> TemplateValue {
        guard let attribute, attribute.isTrue || attribute.asInteger != nil else { return value }
        if attribute.asInteger != nil { return try item(value, attribute, line) }
        var result = value
        for part in attribute.text.split(separator: ".") {
            result = try item(result, Int(part).map { .integer($0) } ?? .string(String(part)), line)
        }
        return result
    }

    private func folded(_ value: TemplateValue) -> TemplateValue {
        if case .string(let text) = value { return .string(text.lowercased()) }
        return value
    }

    /// Stable, as in Python.
    func sorted(
        _ elements: [TemplateValue], caseSensitive: Bool, _ line: Int,
        by key: (TemplateValue) throws(TokenizerError) -> TemplateValue
    ) throws(TokenizerError) -> [TemplateValue] {
        var keys: [TemplateValue] = []
        for element in elements {
            let value = try key(element)
            keys.append(caseSensitive ? value : folded(value))
            // Whatever can be compared with the first can be compared with every other.
            _ = try compare("<", keys[0], keys[keys.count - 1], line)
        }
        func precedes(_ left: Int, _ right: Int) -> Bool {
            if let first = keys[left].asNumber, let second = keys[right].asNumber {
                return first == second ? left < right : first < second
            }
            guard case .string(let first) = keys[left], case .string(let second) = keys[right] else { return false }
            if first.utf8.elementsEqual(second.utf8) { return left < right }
            return first.unicodeScalars.lexicographicallyPrecedes(second.unicodeScalars)
        }
        return keys.indices.sorted(by: precedes).map { elements[$0] }
    }

    private mutating func reduced(
        _ name: String, _ value: TemplateValue, _ call: TemplateCall, _ line: Int
    ) throws(TokenizerError) -> TemplateValue {
        let attribute = name == "sum" ? call.argument(0, "attribute") : call.named("attribute")
        var elements: [TemplateValue] = []
        for element in try iterate(value, line) { elements.append(try path(attribute, of: element, line)) }
        if name != "sum" {
            let ordered = try sorted(elements, caseSensitive: false, line) { $0 }
            return (name == "min" ? ordered.first : ordered.last) ?? .undefined("no \(name) of nothing")
        }
        var whole = 0
        var total = 0.0
        var isWhole = true
        for element in elements {
            guard let number = element.asNumber else { throw templateError(line, "'sum' of \(element.typeName)") }
            total += number
            let (next, overflow) = whole.addingReportingOverflow(element.asInteger ?? 0)
            isWhole = isWhole && element.asInteger != nil && !overflow
            whole = next
        }
        return isWhole ? .integer(whole) : .number(total)
    }

    private mutating func mapped(
        _ value: TemplateValue, _ call: TemplateCall, _ line: Int
    ) throws(TokenizerError) -> [TemplateValue] {
        var result: [TemplateValue] = []
        let elements = try iterate(value, line)
        if let attribute = call.named("attribute") {
            for element in elements {
                var part = try path(attribute, of: element, line)
                if case .undefined = part, let fallback = call.named("default") { part = fallback }
                result.append(part)
            }
            return result
        }
        guard case .string(let filter)? = call.positional.first else {
            throw templateError(line, "'map' needs an attribute or a filter")
        }
        let inner = TemplateCall(positional: Array(call.positional.dropFirst()), named: call.named)
        for element in elements {
            try step(line)
            result.append(try applyFilter(filter, to: element, inner, line))
        }
        return result
    }

    private mutating func selected(
        _ name: String, _ value: TemplateValue, _ call: TemplateCall, _ line: Int
    ) throws(TokenizerError) -> [TemplateValue] {
        var arguments = call.positional
        var attribute: TemplateValue?
        if name.hasSuffix("attr") {
            guard !arguments.isEmpty else { throw templateError(line, "'\(name)' needs an attribute") }
            attribute = arguments.removeFirst()
        }
        let test = arguments.first?.text
        let rest = TemplateCall(positional: Array(arguments.dropFirst()), named: call.named)
        var result: [TemplateValue] = []
        for element in try iterate(value, line) {
            try step(line)
            let part = try path(attribute, of: element, line)
            let holds = try test.map { test throws(TokenizerError) in
                try applyTest(TemplateInterpreter.testNames[test] ?? test, to: part, rest, line)
            }
            if (holds ?? part.isTrue) != name.hasPrefix("reject") { result.append(element) }
        }
        return result
    }

    /// Tests that may be named by an operator.
    static let testNames = ["==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"]
}
