/// Reads the statements of a chat template: the part of Jinja 3 that published templates use. A statement outside it is
/// an error with its line.
struct TemplateParser {
    var tokens: [TemplateToken]
    var position = 0
    var depth = 0
    /// Operations in a row of the expression that is being read.
    var links = 0
    private var loopDepth = 0

    static func parse(_ template: String) throws(TokenizerError) -> [TemplateStatement] {
        var parser = TemplateParser(tokens: try TemplateLexer.tokens(of: template))
        let (statements, end) = try parser.statements(until: [])
        if let end { throw templateError(parser.line, "an '\(end)' without its beginning") }
        return statements
    }

    private init(tokens: [TemplateToken]) { self.tokens = tokens }

    // MARK: Tokens

    var current: TemplateToken.Kind? { position < tokens.count ? tokens[position].kind : nil }

    var line: Int { position < tokens.count ? tokens[position].line : tokens.last?.line ?? 1 }

    func peek(_ offset: Int) -> TemplateToken.Kind? {
        position + offset < tokens.count ? tokens[position + offset].kind : nil
    }

    mutating func take(_ symbol: String) -> Bool {
        guard current == .symbol(symbol) else { return false }
        position += 1
        return true
    }

    mutating func takeName(_ name: String) -> Bool {
        guard current == .name(name) else { return false }
        position += 1
        return true
    }

    mutating func expect(_ symbol: String) throws(TokenizerError) {
        if !take(symbol) { throw templateError(line, "expected '\(symbol)'") }
    }

    mutating func identifier() throws(TokenizerError) -> String {
        guard case .name(let name)? = current else { throw templateError(line, "expected a name") }
        position += 1
        return name
    }

    private mutating func endBlock() throws(TokenizerError) {
        guard current == .blockEnd else { throw templateError(line, "expected '%}'") }
        position += 1
    }

    // MARK: Statements

    /// - Returns: the statements and which of the ending words came; its name is read, the rest of its tag is not.
    private mutating func statements(
        until ends: Set<String>
    ) throws(TokenizerError) -> ([TemplateStatement], String?) {
        depth += 1
        defer { depth -= 1 }
        if depth > 60 { throw templateError(line, "blocks nested deeper than 60") }
        var result: [TemplateStatement] = []
        while let token = current {
            let start = line
            position += 1
            switch token {
            case .text(let text): if !text.isEmpty { result.append(.text(text)) }
            case .expressionStart:
                let expression = try tuple()
                guard current == .expressionEnd else { throw templateError(line, "expected '}}'") }
                position += 1
                result.append(.output(expression, line: start))
            case .blockStart:
                let name = try identifier()
                if ends.contains(name) { return (result, name) }
                result.append(try statement(name, start))
            default: throw templateError(start, "an unexpected token")
            }
        }
        if let missing = ends.sorted().first(where: { $0.hasPrefix("end") }) {
            throw templateError(line, "the template ends without '\(missing)'")
        }
        return (result, nil)
    }

    /// The body of a block up to its one ending word, whose tag is read too.
    private mutating func body(until end: String) throws(TokenizerError) -> [TemplateStatement] {
        let (statements, _) = try statements(until: [end])
        try endBlock()
        return statements
    }

    private mutating func statement(_ name: String, _ start: Int) throws(TokenizerError) -> TemplateStatement {
        switch name {
        case "if": return try branch(start)
        case "for": return try loop(start)
        case "set": return try assignment(start)
        case "macro": return try macro(start)
        case "with": return try with(start)
        case "generation":
            // Marks what an assistant says; the text is the same.
            try endBlock()
            return .generation(try body(until: "endgeneration"))
        case "break", "continue":
            if loopDepth == 0 { throw templateError(start, "a '\(name)' outside a loop") }
            try endBlock()
            return name == "break" ? .break(line: start) : .continue(line: start)
        default: throw templateError(start, "the statement '\(name)' is not supported in chat templates")
        }
    }

    private mutating func branch(_ start: Int) throws(TokenizerError) -> TemplateStatement {
        var branches: [(condition: TemplateExpression, body: [TemplateStatement])] = []
        var otherwise: [TemplateStatement] = []
        var condition = try tuple()
        while true {
            try endBlock()
            let (body, end) = try statements(until: ["elif", "else", "endif"])
            branches.append((condition, body))
            if end == "elif" {
                condition = try tuple()
                continue
            }
            try endBlock()
            if end == "else" { otherwise = try self.body(until: "endif") }
            return .branch(branches, otherwise: otherwise, line: start)
        }
    }

    private mutating func loop(_ start: Int) throws(TokenizerError) -> TemplateStatement {
        let target = try target(allowsField: false)
        guard takeName("in") else { throw templateError(line, "expected 'in'") }
        let iterable = try tuple(allowsCondition: false)
        let condition: TemplateExpression? = takeName("if") ? try expression() : nil
        if takeName("recursive") { throw templateError(start, "a recursive loop is not supported in chat templates") }
        try endBlock()
        loopDepth += 1
        let (body, end) = try statements(until: ["else", "endfor"])
        loopDepth -= 1
        try endBlock()
        let otherwise = end == "else" ? try self.body(until: "endfor") : []
        return .loop(target, over: iterable, condition: condition, body: body, otherwise: otherwise, line: start)
    }

    private mutating func target(allowsField: Bool) throws(TokenizerError) -> TemplateTarget {
        var targets: [TemplateTarget] = []
        var isTuple = false
        repeat {
            if current == .name("in") || current == .symbol("=") || current == .symbol(")") { break }
            if take("(") {
                targets.append(try target(allowsField: false))
                try expect(")")
            } else {
                let name = try identifier()
                if allowsField, targets.isEmpty, take(".") { return .field(name, try identifier()) }
                targets.append(.name(name))
            }
            isTuple = isTuple || current == .symbol(",")
        } while take(",")
        guard let first = targets.first else { throw templateError(line, "expected a name") }
        return isTuple ? .tuple(targets) : first
    }

    private mutating func assignment(_ start: Int) throws(TokenizerError) -> TemplateStatement {
        let target = try target(allowsField: true)
        if take("=") {
            let value = try tuple()
            try endBlock()
            return .set(target, value, line: start)
        }
        var filters: [(name: String, arguments: TemplateArguments)] = []
        while take("|") {
            let name = try identifier()
            filters.append((name, take("(") ? try arguments() : TemplateArguments()))
        }
        try endBlock()
        return .capture(target, filters: filters, body: try body(until: "endset"), line: start)
    }

    private mutating func macro(_ start: Int) throws(TokenizerError) -> TemplateStatement {
        let name = try identifier()
        try expect("(")
        var parameters: [(name: String, value: TemplateExpression?)] = []
        while !take(")") {
            if !parameters.isEmpty { try expect(",") }
            let parameter = try identifier()
            parameters.append((parameter, take("=") ? try expression() : nil))
        }
        try endBlock()
        let outer = loopDepth
        loopDepth = 0
        defer { loopDepth = outer }
        return .macro(
            TemplateMacro(name: name, parameters: parameters, body: try body(until: "endmacro"), line: start))
    }

    private mutating func with(_ start: Int) throws(TokenizerError) -> TemplateStatement {
        var values: [(target: TemplateTarget, value: TemplateExpression)] = []
        while current != .blockEnd {
            if !values.isEmpty { try expect(",") }
            let name = try identifier()
            try expect("=")
            values.append((.name(name), try expression()))
        }
        try endBlock()
        return .with(values, body: try body(until: "endwith"), line: start)
    }
}
