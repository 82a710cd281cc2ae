/// Expressions, with the precedences of Jinja 3.
extension TemplateParser {
    /// One expression, or several with commas between, which make a tuple.
    mutating func tuple(allowsCondition: Bool = true) throws(TokenizerError) -> TemplateExpression {
        let start = line
        let first = try expression(allowsCondition: allowsCondition)
        guard current == .symbol(",") else { return first }
        var elements = [first]
        while take(",") {
            switch current {
            case .blockEnd, .expressionEnd, .symbol(")"), .symbol("]"), nil: return .tuple(elements, line: start)
            default: elements.append(try expression(allowsCondition: allowsCondition))
            }
        }
        return .tuple(elements, line: start)
    }

    mutating func expression(allowsCondition: Bool = true) throws(TokenizerError) -> TemplateExpression {
        depth += 1
        let outer = links
        defer { (depth, links) = (depth - 1, outer) }
        if depth > 60 { throw templateError(line, "an expression nested deeper than 60") }
        var result = try disjunction()
        while allowsCondition, takeName("if") {
            try link()
            let condition = try disjunction()
            let otherwise = takeName("else") ? try expression() : nil
            result = .conditional(condition, then: result, otherwise: otherwise)
        }
        return result
    }

    private mutating func disjunction() throws(TokenizerError) -> TemplateExpression {
        var left = try conjunction()
        while takeName("or") {
            try link()
            left = .or(left, try conjunction())
        }
        return left
    }

    private mutating func conjunction() throws(TokenizerError) -> TemplateExpression {
        var left = try negation()
        while takeName("and") {
            try link()
            left = .and(left, try negation())
        }
        return left
    }

    private mutating func negation() throws(TokenizerError) -> TemplateExpression {
        var count = 0
        while takeName("not") { count += 1 }
        let operand = try comparison()
        if count == 0 { return operand }
        return count % 2 == 1 ? .not(operand) : .not(.not(operand))
    }

    private mutating func comparison() throws(TokenizerError) -> TemplateExpression {
        let start = line
        let left = try sum()
        var operands: [(operation: String, right: TemplateExpression)] = []
        while true {
            if case .symbol(let symbol)? = current, ["==", "!=", "<", "<=", ">", ">="].contains(symbol) {
                position += 1
                operands.append((symbol, try sum()))
            } else if takeName("in") {
                operands.append(("in", try sum()))
            } else if current == .name("not"), peek(1) == .name("in") {
                position += 2
                operands.append(("not in", try sum()))
            } else {
                return operands.isEmpty ? left : .compare(left, operands, line: start)
            }
        }
    }

    private mutating func sum() throws(TokenizerError) -> TemplateExpression {
        var left = try concatenation()
        while case .symbol(let symbol)? = current, symbol == "+" || symbol == "-" {
            let start = line
            position += 1
            try link()
            left = .binary(symbol, left, try concatenation(), line: start)
        }
        return left
    }

    private mutating func concatenation() throws(TokenizerError) -> TemplateExpression {
        var left = try product()
        while current == .symbol("~") {
            let start = line
            position += 1
            try link()
            left = .binary("~", left, try product(), line: start)
        }
        return left
    }

    private mutating func product() throws(TokenizerError) -> TemplateExpression {
        var left = try power()
        while case .symbol(let symbol)? = current, ["*", "/", "//", "%"].contains(symbol) {
            let start = line
            position += 1
            try link()
            left = .binary(symbol, left, try power(), line: start)
        }
        return left
    }

    private mutating func power() throws(TokenizerError) -> TemplateExpression {
        var left = try unary(allowsFilter: true)
        while current == .symbol("**") {
            let start = line
            position += 1
            try link()
            left = .binary("**", left, try unary(allowsFilter: true), line: start)
        }
        return left
    }

    /// A filter behind a negative number belongs to the whole of it.
    private mutating func unary(allowsFilter: Bool) throws(TokenizerError) -> TemplateExpression {
        depth += 1
        defer { depth -= 1 }
        if depth > 60 { throw templateError(line, "an expression nested deeper than 60") }
        let start = line
        var result: TemplateExpression
        if take("-") {
            result = .negate(try unary(allowsFilter: false), line: start)
        } else if take("+") {
            result = try unary(allowsFilter: false)
        } else {
            result = try primary()
        }
        result = try postfix(result)
        return allowsFilter ? try filters(result) : result
    }

    private mutating func primary() throws(TokenizerError) -> TemplateExpression {
        guard let token = current else { throw templateError(line, "the template ends within an expression") }
        let start = line
        position += 1
        switch token {
        case .name("true"), .name("True"): return .bool(true)
        case .name("false"), .name("False"): return .bool(false)
        case .name("none"), .name("None"): return .none
        case .name(let name): return .name(name)
        case .integer(let value): return .integer(value)
        case .number(let value): return .number(value)
        case .string(var text):
            while case .string(let more)? = current {
                text += more
                position += 1
            }
            return .string(text)
        case .symbol("("):
            if take(")") { return .tuple([], line: start) }
            let inner = try tuple()
            try expect(")")
            return inner
        case .symbol("["): return .list(try elements(until: "]"), line: start)
        case .symbol("{"): return try dictionary()
        case .symbol(let symbol): throw templateError(start, "an unexpected '\(symbol)'")
        default: throw templateError(start, "the expression ends where a value was expected")
        }
    }

    private mutating func elements(until end: String) throws(TokenizerError) -> [TemplateExpression] {
        var elements: [TemplateExpression] = []
        while !take(end) {
            if !elements.isEmpty {
                try expect(",")
                if take(end) { break }
            }
            elements.append(try expression())
        }
        return elements
    }

    private mutating func dictionary() throws(TokenizerError) -> TemplateExpression {
        let start = line
        var entries: [(key: TemplateExpression, value: TemplateExpression)] = []
        while !take("}") {
            if !entries.isEmpty {
                try expect(",")
                if take("}") { break }
            }
            let key = try expression()
            try expect(":")
            entries.append((key, try expression()))
        }
        return .dictionary(entries, line: start)
    }

    private mutating func postfix(_ base: TemplateExpression) throws(TokenizerError) -> TemplateExpression {
        var result = base
        while true {
            let start = line
            if take(".") {
                if case .integer(let index)? = current {
                    position += 1
                    result = .item(result, .integer(index), line: start)
                } else {
                    result = .attribute(result, try identifier(), line: start)
                }
            } else if take("[") {
                result = try subscripted(result, start)
            } else if take("(") {
                result = .call(result, try arguments(), line: start)
            } else {
                return result
            }
            try link()
        }
    }

    private mutating func subscripted(
        _ base: TemplateExpression, _ start: Int
    ) throws(TokenizerError) -> TemplateExpression {
        var parts: [TemplateExpression?] = []
        var part: TemplateExpression?
        while !take("]") {
            if take(":") {
                parts.append(part)
                part = nil
            } else if part == nil {
                part = try tuple()
            } else {
                throw templateError(line, "expected ']'")
            }
        }
        parts.append(part)
        switch parts.count {
        case 1:
            guard let index = parts[0] else { throw templateError(start, "an empty subscript") }
            return .item(base, index, line: start)
        case 2: return .slice(base, start: parts[0], stop: parts[1], step: nil, line: start)
        case 3: return .slice(base, start: parts[0], stop: parts[1], step: parts[2], line: start)
        default: throw templateError(start, "a slice with more than three parts")
        }
    }

    /// Behind the opening parenthesis.
    mutating func arguments() throws(TokenizerError) -> TemplateArguments {
        var arguments = TemplateArguments()
        var isFirst = true
        while !take(")") {
            if !isFirst {
                try expect(",")
                if take(")") { break }
            }
            isFirst = false
            if current == .symbol("*") || current == .symbol("**") {
                throw templateError(line, "unpacked arguments are not supported in chat templates")
            }
            if case .name(let name)? = current, peek(1) == .symbol("=") {
                position += 2
                arguments.named.append((name, try expression()))
            } else {
                if !arguments.named.isEmpty { throw templateError(line, "a positional argument behind a named one") }
                arguments.positional.append(try expression())
            }
        }
        return arguments
    }

    private mutating func filters(_ base: TemplateExpression) throws(TokenizerError) -> TemplateExpression {
        var result = base
        while true {
            let start = line
            if take("|") {
                let name = try identifier()
                result = .filter(result, name, take("(") ? try arguments() : TemplateArguments(), line: start)
            } else if takeName("is") {
                result = try test(result, start)
            } else if take("(") {
                result = .call(result, try arguments(), line: start)
            } else {
                return result
            }
            try link()
        }
    }

    /// Counts the links of chains such as `a + b + c` and `x.a.b`, each of which holds the one before it: what is nested
    /// deeply would exhaust the stack when it is evaluated.
    private mutating func link() throws(TokenizerError) {
        links += 1
        if links > 500 { throw templateError(line, "an expression with more than 500 operations in a row") }
    }

    private mutating func test(
        _ base: TemplateExpression, _ start: Int
    ) throws(TokenizerError) -> TemplateExpression {
        let negated = takeName("not")
        let name = try identifier()
        var arguments = TemplateArguments()
        if take("(") {
            arguments = try self.arguments()
        } else {
            switch current {
            case .name("else"), .name("or"), .name("and"): break
            case .name("is"): throw templateError(line, "a test of a test")
            case .name, .string, .integer, .number, .symbol("["), .symbol("{"):
                arguments.positional = [try postfix(try primary())]
            default: break
            }
        }
        let result = TemplateExpression.test(base, name, arguments, line: start)
        return negated ? .not(result) : result
    }
}
