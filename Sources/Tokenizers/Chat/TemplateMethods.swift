/// Calls: macros, the functions that `transformers` gives to templates, and methods of strings and mappings.
extension TemplateInterpreter {
    static let mappingMethods: Set<String> = ["items", "keys", "values", "get"]
    static let stringMethods: Set<String> = [
        "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "startswith", "endswith", "replace", "upper",
        "lower", "title", "capitalize", "join", "find", "count", "isdigit", "isspace", "removeprefix", "removesuffix",
    ]
    static let functions = ["range", "namespace", "dict", "raise_exception", "strftime_now"]

    mutating func call(
        _ callee: TemplateValue, _ arguments: TemplateCall, _ line: Int
    ) throws(TokenizerError) -> TemplateValue {
        switch callee {
        case .macro(let macro, let scope): return try call(macro, scope, arguments, line)
        case .function(let name): return try function(name, arguments, line)
        case .method(.string(let text), let name): return try method(text, name, arguments, line)
        case .method(.dictionary(let entries), let name): return try method(entries, name, arguments, line)
        case .method(let list, let name):
            let elements = try iterate(list, line)
            guard let wanted = arguments.positional.first else { throw templateError(line, "'\(name)' of nothing") }
            if name == "count" { return .integer(elements.count { $0.equals(wanted) }) }
            guard let place = elements.firstIndex(where: { $0.equals(wanted) }) else {
                throw templateError(line, "\(wanted.representation) is not in the list")
            }
            return .integer(place)
        case .undefined(let what): throw templateError(line, what)
        default: throw templateError(line, "\(callee.typeName) cannot be called")
        }
    }

    private mutating func function(
        _ name: String, _ arguments: TemplateCall, _ line: Int
    ) throws(TokenizerError) -> TemplateValue {
        switch name {
        case "raise_exception":
            throw templateError(line, arguments.argument(0, "message")?.text ?? "raise_exception")
        case "strftime_now":
            guard case .string(let format)? = arguments.argument(0, "format") else {
                throw templateError(line, "strftime_now needs a format")
            }
            return .string(try clock.text(format, line))
        case "range":
            var bounds: [Int] = []
            for value in arguments.positional {
                guard let number = value.asInteger else {
                    throw templateError(line, "'range' of \(value.typeName)")
                }
                bounds.append(number)
            }
            if bounds.count == 1 { bounds.insert(0, at: 0) }
            guard bounds.count == 2 || bounds.count == 3 else { throw templateError(line, "'range' needs its end") }
            let step = bounds.count == 3 ? bounds[2] : 1
            guard step != 0 else { throw templateError(line, "'range' with the step 0") }
            let (span, overflow) = bounds[1].subtractingReportingOverflow(bounds[0])
            if overflow || span.magnitude / step.magnitude > 100_000 {
                throw templateError(line, "a range over 100000 numbers")
            }
            return .list(stride(from: bounds[0], to: bounds[1], by: step).map { .integer($0) })
        default:
            let fields = arguments.named.map { TemplateValue.Entry(key: .string($0.name), value: $0.value) }
            var entries: [TemplateValue.Entry] = []
            if case .dictionary(let base)? = arguments.positional.first { entries = base }
            if name == "dict" { return .dictionary(entries + fields) }
            return try makeNamespace(entries + fields, line)
        }
    }

    private func method(
        _ entries: [TemplateValue.Entry], _ name: String, _ arguments: TemplateCall, _ line: Int
    ) throws(TokenizerError) -> TemplateValue {
        switch name {
        case "items": return .list(entries.map { .tuple([$0.key, $0.value]) })
        case "keys": return .list(entries.map(\.key))
        case "values": return .list(entries.map(\.value))
        case "get":
            guard let key = arguments.positional.first else { throw templateError(line, "'get' of nothing") }
            return TemplateValue.lookUp(key, in: entries) ?? arguments.argument(1, "default") ?? .none
        default:
            // loop.cycle
            guard !arguments.positional.isEmpty,
                let index = TemplateValue.lookUp(.string("index0"), in: entries)?.asInteger
            else { throw templateError(line, "'cycle' of nothing") }
            return arguments.positional[index % arguments.positional.count]
        }
    }

    private func method(
        _ text: String, _ name: String, _ arguments: TemplateCall, _ line: Int
    ) throws(TokenizerError) -> TemplateValue {
        func string(_ index: Int, _ key: String) throws(TokenizerError) -> String? {
            switch arguments.argument(index, key) {
            case nil, .some(.none): return nil
            case .string(let value): return value
            case .some(let value): throw templateError(line, "'\(name)' with \(value.typeName)")
            }
        }
        func needed(_ index: Int) throws(TokenizerError) -> String {
            guard let value = try string(index, "") else { throw templateError(line, "'\(name)' of nothing") }
            return value
        }
        func limit(_ index: Int, _ key: String) -> Int { arguments.argument(index, key)?.asInteger ?? -1 }
        switch name {
        case "strip": return .string(TemplateText.strip(text, try string(0, "chars")))
        case "lstrip": return .string(TemplateText.strip(text, try string(0, "chars"), right: false))
        case "rstrip": return .string(TemplateText.strip(text, try string(0, "chars"), left: false))
        case "split", "rsplit":
            let separator = try string(0, "sep")
            if separator == "" { throw templateError(line, "'split' at an empty text") }
            let parts = TemplateText.split(
                text, separator, limit: limit(1, "maxsplit"), fromEnd: name == "rsplit")
            return .list(parts.map { .string($0) })
        case "splitlines":
            let keepEnds = arguments.argument(0, "keepends")?.isTrue ?? false
            return .list(TemplateText.lines(text, keepEnds: keepEnds).map { .string($0) })
        case "startswith", "endswith": return .bool(try hasAffix(text, name, arguments, line))
        case "replace":
            return .string(try replaced(text, try needed(0), try needed(1), limit: limit(2, "count"), line))
        case "upper": return .string(text.uppercased())
        case "lower": return .string(text.lowercased())
        case "title": return .string(TemplateText.pythonTitle(text))
        case "capitalize": return .string(TemplateText.capitalized(text))
        case "join":
            guard let list = arguments.positional.first else { throw templateError(line, "'join' of nothing") }
            var parts: [String] = []
            for element in try iterate(list, line) {
                guard case .string(let part) = element else {
                    throw templateError(line, "'join' of \(element.typeName)")
                }
                parts.append(part)
            }
            return .string(try joined(parts, text, line))
        case "find": return .integer(TemplateText.find(try needed(0), in: text, from: 0) ?? -1)
        case "count":
            let part = try needed(0)
            if part.isEmpty { return .integer(text.unicodeScalars.count + 1) }
            return .integer(TemplateText.split(text, part, limit: -1).count - 1)
        case "isdigit":
            return .bool(
                !text.isEmpty
                    && text.unicodeScalars.allSatisfy {
                        $0.properties.numericType == .decimal || $0.properties.numericType == .digit
                    })
        case "isspace": return .bool(!text.isEmpty && text.unicodeScalars.allSatisfy(isTemplateSpace))
        case "removeprefix", "removesuffix":
            let part = Array(try needed(0).unicodeScalars)
            let scalars = Array(text.unicodeScalars)
            if name == "removeprefix" {
                return .string(scalars.starts(with: part) ? TemplateText.string(scalars[part.count...]) : text)
            }
            return .string(
                scalars.reversed().starts(with: part.reversed())
                    ? TemplateText.string(scalars[..<(scalars.count - part.count)]) : text)
        default: throw templateError(line, "the method '\(name)'")
        }
    }

    /// Refuses before memory is taken that the result would need.
    func joined(_ parts: [String], _ separator: String, _ line: Int) throws(TokenizerError) -> String {
        let size = parts.reduce(0) { $0 + $1.utf8.count + separator.utf8.count }
        if size > Self.maximumOutput { throw templateError(line, "the text grows beyond 64 MB") }
        return parts.joined(separator: separator)
    }

    func replaced(
        _ text: String, _ old: String, _ new: String, limit: Int, _ line: Int
    ) throws(TokenizerError) -> String {
        // One replacement at most for each place where the old text can stand.
        let places = text.utf8.count / max(1, old.utf8.count) + 1
        let (size, overflow) = places.multipliedReportingOverflow(by: new.utf8.count)
        if overflow || size > Self.maximumOutput { throw templateError(line, "the text grows beyond 64 MB") }
        return TemplateText.replace(text, old, new, limit: limit)
    }

    private func hasAffix(
        _ text: String, _ name: String, _ arguments: TemplateCall, _ line: Int
    ) throws(TokenizerError) -> Bool {
        let candidates: [TemplateValue]
        switch arguments.positional.first {
        case .tuple(let elements)?: candidates = elements
        case .some(let one): candidates = [one]
        case nil: candidates = []
        }
        if arguments.positional.count != 1 { throw templateError(line, "'\(name)' takes one argument") }
        let bytes = Array(text.utf8)
        for candidate in candidates {
            guard case .string(let part) = candidate else {
                throw templateError(line, "'\(name)' with \(candidate.typeName)")
            }
            let affix = Array(part.utf8)
            if name == "startswith" ? bytes.starts(with: affix) : bytes.suffix(affix.count).elementsEqual(affix) {
                return true
            }
        }
        return false
    }
}
