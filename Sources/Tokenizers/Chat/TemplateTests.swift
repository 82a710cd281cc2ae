/// `x is …`
extension TemplateInterpreter {
    func applyTest(
        _ name: String, to value: TemplateValue, _ arguments: TemplateCall, _ line: Int
    ) throws(TokenizerError) -> Bool {
        func other() throws(TokenizerError) -> TemplateValue {
            guard let first = arguments.positional.first else {
                throw templateError(line, "the test '\(name)' needs a value")
            }
            return first
        }
        switch name {
        case "defined": if case .undefined = value { return false } else { return true }
        case "undefined": if case .undefined = value { return true } else { return false }
        case "none": if case .none = value { return true } else { return false }
        case "true": if case .bool(true) = value { return true } else { return false }
        case "false": if case .bool(false) = value { return true } else { return false }
        case "boolean": if case .bool = value { return true } else { return false }
        case "integer": if case .integer = value { return true } else { return false }
        case "float": if case .number = value { return true } else { return false }
        case "number": return value.asNumber != nil
        case "string": if case .string = value { return true } else { return false }
        case "mapping": if case .dictionary = value { return true } else { return false }
        case "sequence", "iterable":
            switch value {
            case .string, .list, .tuple, .dictionary, .undefined: return true
            default: return false
            }
        case "callable":
            switch value {
            case .macro, .function, .method: return true
            default: return false
            }
        case "eq", "equalto": return value.equals(try other())
        case "ne": return !value.equals(try other())
        case "lt", "lessthan": return try compare("<", value, try other(), line)
        case "le": return try compare("<=", value, try other(), line)
        case "gt", "greaterthan": return try compare(">", value, try other(), line)
        case "ge": return try compare(">=", value, try other(), line)
        case "in": return try compare("in", value, try other(), line)
        case "sameas":
            switch (value, try other()) {
            case (.none, .none): return true
            case (.bool(let left), .bool(let right)): return left == right
            case (.bool, _), (_, .bool): return false
            case (let left, let right): return left.typeName == right.typeName && left.equals(right)
            }
        case "odd", "even", "divisibleby":
            guard let number = value.asInteger else { throw templateError(line, "'\(name)' of \(value.typeName)") }
            if name != "divisibleby" { return (number % 2 == 0) == (name == "even") }
            guard let divisor = try other().asInteger, divisor != 0 else {
                throw templateError(line, "'divisibleby' needs a number")
            }
            return number.isMultiple(of: divisor)
        case "lower": return value.text == value.text.lowercased() && value.text != value.text.uppercased()
        case "upper": return value.text == value.text.uppercased() && value.text != value.text.lowercased()
        default: throw templateError(line, "the test '\(name)' is not supported in chat templates")
        }
    }
}
