/// Renders the statements of a template. Work, depth and output are bounded, since a template is input from outside.
struct TemplateInterpreter {
    /// For `strftime_now`.
    let clock: TemplateClock
    var output = ""
    /// Bytes of the output that stand between generation marks. What a macro or a capture prints is not among them, as
    /// its place in the output is not known when it is printed.
    private(set) var generated: [Range<Int>] = []
    private var captures = 0
    private var steps = 0
    private var callDepth = 0
    private var namespaces: [TemplateNamespace] = []
    private var macroScopes: [TemplateScope] = []
    private static let maximumSteps = 1_000_000
    static let maximumOutput = 64 << 20

    private enum Flow { case next, leaveLoop, nextRound }

    init(clock: TemplateClock) { self.clock = clock }

    mutating func run(_ statements: [TemplateStatement], _ scope: TemplateScope) throws(TokenizerError) {
        _ = try execute(statements, scope)
    }

    mutating func step(_ line: Int, cost: Int = 1) throws(TokenizerError) {
        steps += cost
        if steps > Self.maximumSteps { throw templateError(line, "the template does not come to an end") }
        if output.utf8.count > Self.maximumOutput { throw templateError(line, "the text grows beyond 64 MB") }
    }

    /// Counts work on a value by its size.
    mutating func step(_ line: Int, on value: TemplateValue) throws(TokenizerError) {
        switch value {
        case .string(let text): try step(line, cost: 1 + text.utf8.count >> 10)
        case .list(let elements), .tuple(let elements): try step(line, cost: 1 + elements.count >> 5)
        default: try step(line)
        }
    }

    /// Passes a new value on if it is not too large or too deep to be walked through.
    mutating func bounded(_ value: TemplateValue, _ line: Int) throws(TokenizerError) -> TemplateValue {
        if case .string(let text) = value {
            if text.utf8.count > Self.maximumOutput { throw templateError(line, "the text grows beyond 64 MB") }
            return value
        }
        var count = 0
        try measure(value, &count, depth: 0, line)
        try step(line, cost: 1 + count >> 5)
        return value
    }

    private func measure(
        _ value: TemplateValue, _ count: inout Int, depth: Int, _ line: Int
    ) throws(TokenizerError) {
        count += 1
        if depth > 250 || count > 1_000_000 { throw templateError(line, "a value that is too large or too deep") }
        switch value {
        case .list(let elements), .tuple(let elements):
            for element in elements { try measure(element, &count, depth: depth + 1, line) }
        case .dictionary(let entries):
            for entry in entries {
                try measure(entry.key, &count, depth: depth + 1, line)
                try measure(entry.value, &count, depth: depth + 1, line)
            }
        default: break
        }
    }

    mutating func makeNamespace(
        _ fields: [TemplateValue.Entry], _ line: Int
    ) throws(TokenizerError) -> TemplateValue {
        if namespaces.count >= 1000 { throw templateError(line, "more than 1000 namespaces") }
        let namespace = TemplateNamespace()
        namespace.fields = fields
        namespaces.append(namespace)
        return .namespace(namespace)
    }

    /// Namespaces and macros may hold one another in circles, which would keep them in memory.
    func release() {
        for namespace in namespaces { namespace.fields = [] }
        for scope in macroScopes { scope.clear() }
    }

    private mutating func execute(
        _ statements: [TemplateStatement], _ scope: TemplateScope
    ) throws(TokenizerError) -> Flow {
        for statement in statements {
            let flow = try execute(statement, scope)
            if flow != .next { return flow }
        }
        return .next
    }

    private mutating func execute(
        _ statement: TemplateStatement, _ scope: TemplateScope
    ) throws(TokenizerError) -> Flow {
        switch statement {
        case .text(let text): output += text
        case .output(let expression, let line):
            let value = try evaluate(expression, scope)
            try step(line, on: value)
            output += value.text
        case .generation(let body):
            let start = output.utf8.count
            let flow = try execute(body, scope)
            if captures == 0 { generated.append(start..<output.utf8.count) }
            return flow
        case .set(let target, let expression, let line):
            try step(line)
            try assign(try evaluate(expression, scope), to: target, scope, line)
        case .capture(let target, let filters, let body, let line):
            var value = TemplateValue.string(try captured(body, TemplateScope(parent: scope)))
            for filter in filters {
                let arguments = try evaluate(filter.arguments, scope)
                value = try applyFilter(filter.name, to: value, arguments, line)
            }
            try assign(value, to: target, scope, line)
        case .branch(let branches, let otherwise, let line):
            try step(line)
            for branch in branches where try evaluate(branch.condition, scope).isTrue {
                return try execute(branch.body, scope)
            }
            return try execute(otherwise, scope)
        case .with(let values, let body, let line):
            let inner = TemplateScope(parent: scope)
            for (target, value) in values { try assign(try evaluate(value, scope), to: target, inner, line) }
            return try execute(body, inner)
        case .macro(let macro):
            try step(macro.line)
            scope[macro.name] = .macro(macro, scope)
            macroScopes.append(scope)
        case .loop(let target, let iterable, let condition, let body, let otherwise, let line):
            return try loop(target, iterable, condition, body, otherwise, scope, line)
        case .break: return .leaveLoop
        case .continue: return .nextRound
        }
        return .next
    }

    private mutating func loop(
        _ target: TemplateTarget, _ iterable: TemplateExpression, _ condition: TemplateExpression?,
        _ body: [TemplateStatement], _ otherwise: [TemplateStatement], _ scope: TemplateScope, _ line: Int
    ) throws(TokenizerError) -> Flow {
        var elements = try iterate(try evaluate(iterable, scope), line)
        if let condition {
            var kept: [TemplateValue] = []
            for element in elements {
                try step(line)
                let inner = TemplateScope(parent: scope)
                try assign(element, to: target, inner, line)
                if try evaluate(condition, inner).isTrue { kept.append(element) }
            }
            elements = kept
        }
        if elements.isEmpty { return try execute(otherwise, scope) }
        for (index, element) in elements.enumerated() {
            try step(line)
            let inner = TemplateScope(parent: scope)
            inner["loop"] = .dictionary(loopFields(index, elements))
            try assign(element, to: target, inner, line)
            if try execute(body, inner) == .leaveLoop { break }
        }
        return .next
    }

    private func loopFields(_ index: Int, _ elements: [TemplateValue]) -> [TemplateValue.Entry] {
        func field(_ name: String, _ value: TemplateValue) -> TemplateValue.Entry {
            .init(key: .string(name), value: value)
        }
        var fields = [
            field("index", .integer(index + 1)), field("index0", .integer(index)), field("first", .bool(index == 0)),
            field("last", .bool(index == elements.count - 1)), field("length", .integer(elements.count)),
            field("revindex", .integer(elements.count - index)),
            field("revindex0", .integer(elements.count - index - 1)), field("depth", .integer(1)),
        ]
        if index > 0 { fields.append(field("previtem", elements[index - 1])) }
        if index + 1 < elements.count { fields.append(field("nextitem", elements[index + 1])) }
        return fields
    }

    private func assign(
        _ value: TemplateValue, to target: TemplateTarget, _ scope: TemplateScope, _ line: Int
    ) throws(TokenizerError) {
        switch target {
        case .name(let name): scope[name] = value
        case .field(let name, let field):
            guard case .namespace(let namespace)? = scope[name] else {
                throw templateError(line, "'\(name)' is not a namespace, so its fields cannot be set")
            }
            let key = TemplateValue.string(field)
            namespace.fields.removeAll { $0.key.equals(key) }
            namespace.fields.append(.init(key: key, value: value))
        case .tuple(let targets):
            let elements = try iterate(value, line)
            guard elements.count == targets.count else {
                throw templateError(line, "\(elements.count) values for \(targets.count) names")
            }
            for (target, element) in zip(targets, elements) { try assign(element, to: target, scope, line) }
        }
    }

    /// The text that statements print.
    private mutating func captured(
        _ body: [TemplateStatement], _ scope: TemplateScope
    ) throws(TokenizerError) -> String {
        let outer = output
        output = ""
        captures += 1
        defer {
            output = outer
            captures -= 1
        }
        _ = try execute(body, scope)
        return output
    }

    mutating func call(
        _ macro: TemplateMacro, _ closure: TemplateScope, _ arguments: TemplateCall, _ line: Int
    ) throws(TokenizerError) -> TemplateValue {
        callDepth += 1
        defer { callDepth -= 1 }
        if callDepth > 50 { throw templateError(line, "macros call one another deeper than 50") }
        let scope = TemplateScope(parent: closure)
        if arguments.positional.count > macro.parameters.count {
            throw templateError(line, "too many arguments for the macro '\(macro.name)'")
        }
        for argument in arguments.named where !macro.parameters.contains(where: { $0.name == argument.name }) {
            throw templateError(line, "the macro '\(macro.name)' has no argument '\(argument.name)'")
        }
        for (index, parameter) in macro.parameters.enumerated() {
            if index < arguments.positional.count {
                scope[parameter.name] = arguments.positional[index]
            } else if let named = arguments.named(parameter.name) {
                scope[parameter.name] = named
            } else if let value = parameter.value {
                scope[parameter.name] = try evaluate(value, scope)
            } else {
                scope[parameter.name] = .undefined("parameter '\(parameter.name)' was not provided")
            }
        }
        return .string(try captured(macro.body, scope))
    }

    /// The elements of a value as a loop sees them.
    func iterate(_ value: TemplateValue, _ line: Int) throws(TokenizerError) -> [TemplateValue] {
        switch value {
        case .list(let elements), .tuple(let elements): return elements
        case .dictionary(let entries): return entries.map(\.key)
        case .string(let text):
            if text.utf8.count > 1 << 20 { throw templateError(line, "going through a text of more than a megabyte") }
            return text.unicodeScalars.map { .string(String($0)) }
        case .undefined: return []
        default: throw templateError(line, "cannot go through \(value.typeName)")
        }
    }
}

/// Arguments with their values.
struct TemplateCall {
    var positional: [TemplateValue] = []
    var named: [(name: String, value: TemplateValue)] = []

    func named(_ name: String) -> TemplateValue? { named.first { $0.name == name }?.value }

    /// An argument by its place or its name.
    func argument(_ index: Int, _ name: String) -> TemplateValue? {
        index < positional.count ? positional[index] : named(name)
    }

    /// Refuses what a function does not know, rather than skip it.
    func allow(_ names: [String], _ function: String, _ line: Int) throws(TokenizerError) {
        if positional.count > names.count { throw templateError(line, "too many arguments for '\(function)'") }
        for argument in named where !names.contains(argument.name) {
            throw templateError(line, "'\(function)' has no argument '\(argument.name)'")
        }
    }
}
