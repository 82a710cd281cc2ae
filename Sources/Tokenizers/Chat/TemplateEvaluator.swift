/// Expressions, with Python's meaning.
extension TemplateInterpreter {
    mutating func evaluate(
        _ expression: TemplateExpression, _ scope: TemplateScope
    ) throws(TokenizerError) -> TemplateValue {
        switch expression {
        case .none: return .none
        case .bool(let value): return .bool(value)
        case .integer(let value): return .integer(value)
        case .number(let value): return .number(value)
        case .string(let value): return .string(value)
        case .name(let name): return scope[name] ?? .undefined("'\(name)' is undefined")
        case .list(let elements, let line): return try bounded(.list(try evaluate(elements, scope)), line)
        case .tuple(let elements, let line): return try bounded(.tuple(try evaluate(elements, scope)), line)
        case .dictionary(let entries, let line):
            var result: [TemplateValue.Entry] = []
            for (key, value) in entries {
                result.append(.init(key: try evaluate(key, scope), value: try evaluate(value, scope)))
            }
            return try bounded(.dictionary(result), line)
        case .attribute(let base, let name, let line):
            return try attribute(try evaluate(base, scope), name, line)
        case .item(let base, let index, let line):
            return try item(try evaluate(base, scope), try evaluate(index, scope), line)
        case .slice(let base, let start, let stop, let step, let line):
            let bounds = try [start, stop, step].map { part throws(TokenizerError) -> TemplateValue in
                try part.map { part throws(TokenizerError) in try evaluate(part, scope) } ?? .none
            }
            let value = try evaluate(base, scope)
            try self.step(line, on: value)
            return try slice(value, bounds[0], bounds[1], bounds[2], line)
        case .call(let callee, let arguments, let line):
            let function = try evaluate(callee, scope)
            if case .method(let base, _) = function { try step(line, on: base) } else { try step(line) }
            return try bounded(try call(function, try evaluate(arguments, scope), line), line)
        case .filter(let base, let name, let arguments, let line):
            let value = try evaluate(base, scope)
            try step(line, on: value)
            return try bounded(try applyFilter(name, to: value, try evaluate(arguments, scope), line), line)
        case .test(let base, let name, let arguments, let line):
            return .bool(
                try applyTest(name, to: try evaluate(base, scope), try evaluate(arguments, scope), line))
        case .not(let operand): return .bool(!(try evaluate(operand, scope).isTrue))
        case .and(let left, let right):
            let value = try evaluate(left, scope)
            return value.isTrue ? try evaluate(right, scope) : value
        case .or(let left, let right):
            let value = try evaluate(left, scope)
            return value.isTrue ? value : try evaluate(right, scope)
        case .negate(let operand, let line):
            switch try evaluate(operand, scope) {
            case .number(let value): return .number(-value)
            case let value:
                guard let integer = value.asInteger, integer != .min else {
                    throw templateError(line, "'-' before \(value.typeName)")
                }
                return .integer(-integer)
            }
        case .binary(let operation, let left, let right, let line):
            try step(line)
            return try bounded(
                try binary(operation, try evaluate(left, scope), try evaluate(right, scope), line), line)
        case .compare(let first, let operands, let line):
            var left = try evaluate(first, scope)
            for (operation, expression) in operands {
                let right = try evaluate(expression, scope)
                try step(line, on: right)
                if !(try compare(operation, left, right, line)) { return .bool(false) }
                left = right
            }
            return .bool(true)
        case .conditional(let condition, let then, let otherwise):
            if try evaluate(condition, scope).isTrue { return try evaluate(then, scope) }
            guard let otherwise else { return .undefined("the condition is false and there is no else") }
            return try evaluate(otherwise, scope)
        }
    }

    private mutating func evaluate(
        _ elements: [TemplateExpression], _ scope: TemplateScope
    ) throws(TokenizerError) -> [TemplateValue] {
        var result: [TemplateValue] = []
        for element in elements { result.append(try evaluate(element, scope)) }
        return result
    }

    mutating func evaluate(
        _ arguments: TemplateArguments, _ scope: TemplateScope
    ) throws(TokenizerError) -> TemplateCall {
        var call = TemplateCall(positional: try evaluate(arguments.positional, scope))
        for argument in arguments.named { call.named.append((argument.name, try evaluate(argument.value, scope))) }
        return call
    }

    // MARK: Access

    func attribute(_ base: TemplateValue, _ name: String, _ line: Int) throws(TokenizerError) -> TemplateValue {
        let key = TemplateValue.string(name)
        switch base {
        case .undefined(let what): throw templateError(line, what)
        case .namespace(let namespace):
            if let value = TemplateValue.lookUp(key, in: namespace.fields) { return value }
        case .dictionary(let entries):
            // A method hides a key of the same name.
            if Self.mappingMethods.contains(name) { return .method(base, name) }
            if let value = TemplateValue.lookUp(key, in: entries) { return value }
            // The loop variable is a mapping here; `cycle` is its only method that templates use.
            if name == "cycle", TemplateValue.lookUp(.string("revindex0"), in: entries) != nil {
                return .method(base, name)
            }
        case .string: if Self.stringMethods.contains(name) { return .method(base, name) }
        case .list, .tuple:
            if name == "index" || name == "count" { return .method(base, name) }
            if ["append", "extend", "insert", "pop", "remove", "sort", "reverse", "clear"].contains(name) {
                throw templateError(line, "'\(name)' would change a list, which chat templates must not")
            }
        default: break
        }
        return .undefined("\(base.typeName) has no attribute '\(name)'")
    }

    func item(
        _ base: TemplateValue, _ index: TemplateValue, _ line: Int
    ) throws(TokenizerError) -> TemplateValue {
        switch (base, index) {
        case (.undefined(let what), _): throw templateError(line, what)
        case (.dictionary(let entries), _):
            if let value = TemplateValue.lookUp(index, in: entries) { return value }
        case (.list(let elements), _) where index.asInteger != nil,
            (.tuple(let elements), _) where index.asInteger != nil:
            if let place = Self.place(index, elements.count) { return elements[place] }
        case (.string(let text), _) where index.asInteger != nil:
            let scalars = Array(text.unicodeScalars)
            if let place = Self.place(index, scalars.count) { return .string(String(scalars[place])) }
        default: break
        }
        if case .string(let name) = index {
            if case .dictionary = base {
                return Self.mappingMethods.contains(name)
                    ? .method(base, name) : .undefined("there is no key '\(name)'")
            }
            return try attribute(base, name, line)
        }
        return .undefined("\(base.typeName) has no element \(index.representation)")
    }

    private static func place(_ index: TemplateValue, _ count: Int) -> Int? {
        guard let index = index.asInteger, index < count, index >= -count else { return nil }
        return index < 0 ? index + count : index
    }

    private func slice(
        _ base: TemplateValue, _ start: TemplateValue, _ stop: TemplateValue, _ step: TemplateValue, _ line: Int
    ) throws(TokenizerError) -> TemplateValue {
        func bound(_ value: TemplateValue) throws(TokenizerError) -> Int? {
            if case .none = value { return nil }
            guard let number = value.asInteger else {
                throw templateError(line, "a slice with \(value.typeName) as a bound")
            }
            return number
        }
        let step = try bound(step) ?? 1
        guard step != 0 else { throw templateError(line, "a slice with the step 0") }
        let first = try bound(start)
        let last = try bound(stop)
        func places(_ count: Int) -> [Int] {
            // Bounds beyond the ends count as the ends, as in Python.
            let lowest = step > 0 ? 0 : -1
            let highest = step > 0 ? count : count - 1
            func clamp(_ value: Int) -> Int { min(max(value < 0 ? value + count : value, lowest), highest) }
            let from = first.map(clamp) ?? (step > 0 ? 0 : count - 1)
            let to = last.map(clamp) ?? (step > 0 ? count : -1)
            return Array(stride(from: from, to: to, by: step))
        }
        switch base {
        case .list(let elements): return .list(places(elements.count).map { elements[$0] })
        case .tuple(let elements): return .tuple(places(elements.count).map { elements[$0] })
        case .string(let text):
            let scalars = Array(text.unicodeScalars)
            var result = ""
            for place in places(scalars.count) { result.unicodeScalars.append(scalars[place]) }
            return .string(result)
        case .undefined(let what): throw templateError(line, what)
        default: throw templateError(line, "a slice of \(base.typeName)")
        }
    }

    // MARK: Operators

    private func binary(
        _ operation: String, _ left: TemplateValue, _ right: TemplateValue, _ line: Int
    ) throws(TokenizerError) -> TemplateValue {
        if operation == "~" { return .string(left.text + right.text) }
        for side in [left, right] { if case .undefined(let what) = side { throw templateError(line, what) } }
        switch (operation, left, right) {
        case ("+", .string(let first), .string(let second)): return .string(first + second)
        case ("+", .list(let first), .list(let second)): return .list(first + second)
        case ("+", .tuple(let first), .tuple(let second)): return .tuple(first + second)
        case ("*", .string(let text), _) where right.asInteger != nil: return try times(text, right, line)
        case ("*", _, .string(let text)) where left.asInteger != nil: return try times(text, left, line)
        default: break
        }
        if operation != "/", let first = left.asInteger, let second = right.asInteger {
            return try integer(operation, first, second, line)
        }
        guard let first = left.asNumber, let second = right.asNumber else {
            throw templateError(line, "'\(operation)' between \(left.typeName) and \(right.typeName)")
        }
        if second == 0, operation == "/" || operation == "//" || operation == "%" {
            throw templateError(line, "a division by zero")
        }
        switch operation {
        case "+": return .number(first + second)
        case "-": return .number(first - second)
        case "*": return .number(first * second)
        case "/": return .number(first / second)
        case "//": return .number((first / second).rounded(.down))
        case "%": return .number(first - second * (first / second).rounded(.down))
        default: throw templateError(line, "'\(operation)' between numbers that are not whole")
        }
    }

    private func times(_ text: String, _ count: TemplateValue, _ line: Int) throws(TokenizerError) -> TemplateValue {
        let count = max(0, count.asInteger ?? 0)
        let (size, overflow) = text.utf8.count.multipliedReportingOverflow(by: count)
        if overflow || size > Self.maximumOutput { throw templateError(line, "the text grows beyond 64 MB") }
        return .string(String(repeating: text, count: count))
    }

    private func integer(
        _ operation: String, _ left: Int, _ right: Int, _ line: Int
    ) throws(TokenizerError) -> TemplateValue {
        let result: (partialValue: Int, overflow: Bool)
        switch operation {
        case "+": result = left.addingReportingOverflow(right)
        case "-": result = left.subtractingReportingOverflow(right)
        case "*": result = left.multipliedReportingOverflow(by: right)
        case "//", "%":
            if right == 0 { throw templateError(line, "a division by zero") }
            let (quotient, overflow) = left.dividedReportingOverflow(by: right)
            if overflow { throw templateError(line, "a number beyond 64 bits") }
            let remainder = left % right
            // Rounded down, so that the remainder has the sign of the divisor.
            let isOff = remainder != 0 && (remainder < 0) != (right < 0)
            if operation == "//" { return .integer(isOff ? quotient - 1 : quotient) }
            return .integer(isOff ? remainder + right : remainder)
        case "**":
            guard right >= 0 else { throw templateError(line, "a power below zero") }
            var power = (partialValue: 1, overflow: false)
            for _ in 0..<min(right, 64) where !power.overflow && left != 1 {
                power = power.partialValue.multipliedReportingOverflow(by: left)
            }
            if right > 64, left != 0, left != 1 { power.overflow = true }
            result = power
        default: throw templateError(line, "the operator '\(operation)'")
        }
        if result.overflow { throw templateError(line, "a number beyond 64 bits") }
        return .integer(result.partialValue)
    }

    func compare(
        _ operation: String, _ left: TemplateValue, _ right: TemplateValue, _ line: Int
    ) throws(TokenizerError) -> Bool {
        switch operation {
        case "==": return left.equals(right)
        case "!=": return !left.equals(right)
        case "in": return try contains(right, left, line)
        case "not in": return !(try contains(right, left, line))
        default: break
        }
        let isLess: Bool
        let isEqual = left.equals(right)
        if let first = left.asNumber, let second = right.asNumber {
            isLess = first < second
        } else if case .string(let first) = left, case .string(let second) = right {
            isLess = first.unicodeScalars.lexicographicallyPrecedes(second.unicodeScalars)
        } else {
            throw templateError(line, "'\(operation)' between \(left.typeName) and \(right.typeName)")
        }
        switch operation {
        case "<": return isLess
        case "<=": return isLess || isEqual
        case ">": return !isLess && !isEqual
        default: return !isLess
        }
    }

    private func contains(
        _ container: TemplateValue, _ element: TemplateValue, _ line: Int
    ) throws(TokenizerError) -> Bool {
        switch container {
        case .string(let text):
            guard case .string(let part) = element else {
                throw templateError(line, "'in' a string needs a string, not \(element.typeName)")
            }
            return TemplateText.find(part, in: text, from: 0) != nil
        case .list(let elements), .tuple(let elements): return elements.contains { $0.equals(element) }
        case .dictionary(let entries): return entries.contains { $0.key.equals(element) }
        case .undefined: return false
        default: throw templateError(line, "'in' \(container.typeName)")
        }
    }
}
