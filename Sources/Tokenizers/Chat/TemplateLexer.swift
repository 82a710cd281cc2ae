struct TemplateToken {
    enum Kind: Equatable {
        case text(String)
        case expressionStart
        case expressionEnd
        case blockStart
        case blockEnd
        case name(String)
        case string(String)
        case integer(Int)
        case number(Double)
        case symbol(String)
    }

    let kind: Kind
    let line: Int
}

func templateError(_ line: Int, _ what: String) -> TokenizerError {
    TokenizerError(.template, "chat template, line \(line): \(what)")
}

/// White space as Python's `str.isspace` and `\s` see it.
func isTemplateSpace(_ scalar: Unicode.Scalar) -> Bool {
    (0x1C...0x1F).contains(scalar.value) || scalar.properties.isWhitespace
}

/// Cuts a template into tokens, with `trim_blocks` and `lstrip_blocks` on as chat templates are rendered: the line break
/// behind a block and the blanks before it on its line are not output.
struct TemplateLexer {
    private let source: [Unicode.Scalar]
    private var position = 0
    private var line = 1
    private(set) var tokens: [TemplateToken] = []
    /// Whether what was read last ended a line; only then are blanks before a block the start of its line.
    private var startsLine = true

    static func tokens(of template: String) throws(TokenizerError) -> [TemplateToken] {
        var lexer = TemplateLexer(template)
        try lexer.run()
        return lexer.tokens
    }

    private init(_ template: String) {
        var scalars: [Unicode.Scalar] = []
        var afterReturn = false
        for scalar in template.unicodeScalars {
            if scalar == "\r" {
                scalars.append("\n")
            } else if !(scalar == "\n" && afterReturn) {
                scalars.append(scalar)
            }
            afterReturn = scalar == "\r"
        }
        if scalars.last == "\n" { scalars.removeLast() }
        source = scalars
    }

    private mutating func add(_ kind: TemplateToken.Kind) { tokens.append(TemplateToken(kind: kind, line: line)) }

    private func isAt(_ text: StaticString, offset: Int = 0) -> Bool {
        let start = position + offset
        guard start + text.utf8CodeUnitCount <= source.count else { return false }
        for index in 0..<text.utf8CodeUnitCount where source[start + index].value != UInt32(text.utf8Start[index]) {
            return false
        }
        return true
    }

    private mutating func advance(_ count: Int) {
        for scalar in source[position..<min(position + count, source.count)] where scalar == "\n" { line += 1 }
        position = min(position + count, source.count)
    }

    private mutating func skipSpace() {
        while position < source.count, isTemplateSpace(source[position]) { advance(1) }
    }

    private mutating func run() throws(TokenizerError) {
        while position < source.count {
            let start = position
            var end = start
            while end < source.count,
                !(source[end] == "{" && end + 1 < source.count && "{%#".unicodeScalars.contains(source[end + 1]))
            {
                end += 1
            }
            let text = source[start..<end]
            if end == source.count {
                add(.text(string(text)))
                return
            }
            let opening = source[end + 1]
            let sign = end + 2 < source.count ? source[end + 2] : " "
            add(.text(string(trimmed(text, isBlock: opening != "{", sign: sign))))
            advance(end - start + 2)
            if sign == "-" || (sign == "+" && opening != "{") { advance(1) }
            switch opening {
            case "#": try comment()
            case "%":
                if try !raw() {
                    add(.blockStart)
                    try inside(isBlock: true)
                }
            default:
                add(.expressionStart)
                try inside(isBlock: false)
            }
        }
    }

    private func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var text = ""
        text.unicodeScalars.append(contentsOf: scalars)
        return text
    }

    /// The text before a tag without what the tag takes away.
    private func trimmed(
        _ text: ArraySlice<Unicode.Scalar>, isBlock: Bool, sign: Unicode.Scalar
    ) -> ArraySlice<Unicode.Scalar> {
        if sign == "-" {
            var end = text.endIndex
            while end > text.startIndex, isTemplateSpace(text[end - 1]) { end -= 1 }
            return text[..<end]
        }
        if sign == "+" || !isBlock { return text }
        let lineBreak = text.lastIndex(of: "\n")
        guard lineBreak != nil || startsLine else { return text }
        let lineStart = lineBreak.map { $0 + 1 } ?? text.startIndex
        return text[lineStart...].allSatisfy(isTemplateSpace) ? text[..<lineStart] : text
    }

    /// Behind the end of a tag.
    private mutating func finishTag(sign: Unicode.Scalar?, trimsLine: Bool) {
        startsLine = false
        if sign == "-" {
            let before = position
            skipSpace()
            startsLine = position > before && source[position - 1] == "\n"
        } else if sign == nil, trimsLine, position < source.count, source[position] == "\n" {
            advance(1)
            startsLine = true
        }
    }

    private mutating func comment() throws(TokenizerError) {
        let opened = line
        while position < source.count {
            if isAt("#}") {
                let sign =
                    position > 0 && "-+".unicodeScalars.contains(source[position - 1]) ? source[position - 1] : nil
                advance(2)
                finishTag(sign: sign, trimsLine: true)
                return
            }
            advance(1)
        }
        throw templateError(opened, "a comment without its '#}'")
    }

    /// `{% raw %}…{% endraw %}`: the text between is output as it is.
    private mutating func raw() throws(TokenizerError) -> Bool {
        let saved = (position, line)
        let opened = line
        skipSpace()
        guard isAt("raw") else {
            (position, line) = saved
            return false
        }
        advance(3)
        skipSpace()
        if isAt("-%}") {
            advance(3)
            skipSpace()
        } else if isAt("%}") {
            advance(2)
        } else {
            (position, line) = saved
            return false
        }
        let start = position
        startsLine = false
        while position < source.count {
            if isAt("{%") {
                let end = position
                let textLine = line
                advance(2)
                let sign = position < source.count ? source[position] : " "
                if sign == "-" || sign == "+" { advance(1) }
                skipSpace()
                if isAt("endraw") {
                    advance(6)
                    skipSpace()
                    let closing: Unicode.Scalar? = isAt("-%}") ? "-" : isAt("+%}") ? "+" : nil
                    if closing != nil { advance(1) }
                    guard isAt("%}") else { throw templateError(line, "an endraw without its '%}'") }
                    let text = trimmed(source[start..<end], isBlock: true, sign: sign)
                    tokens.append(TemplateToken(kind: .text(string(text)), line: textLine))
                    advance(2)
                    finishTag(sign: closing, trimsLine: true)
                    return true
                }
            } else {
                advance(1)
            }
        }
        throw templateError(opened, "a raw block without its endraw")
    }

    private mutating func inside(isBlock: Bool) throws(TokenizerError) {
        let opened = line
        var brackets: [Unicode.Scalar] = []
        while true {
            skipSpace()
            guard position < source.count else { throw templateError(opened, "a tag that is not closed") }
            if brackets.isEmpty {
                let signed = source[position] == "-" || (source[position] == "+" && isBlock)
                let offset = signed ? 1 : 0
                if isBlock ? isAt("%}", offset: offset) : isAt("}}", offset: offset) {
                    let sign = signed ? source[position] : nil
                    add(isBlock ? .blockEnd : .expressionEnd)
                    advance(2 + offset)
                    finishTag(sign: sign, trimsLine: isBlock)
                    return
                }
            }
            try token(&brackets)
        }
    }

    private mutating func token(_ brackets: inout [Unicode.Scalar]) throws(TokenizerError) {
        let scalar = source[position]
        if scalar == "'" || scalar == "\"" { return try stringLiteral(scalar) }
        if ("0"..."9").contains(scalar) { return try number() }
        if scalar == "_" || scalar.properties.isAlphabetic {
            let start = position
            while position < source.count, source[position] == "_" || Category.isWord(source[position]) { advance(1) }
            add(.name(string(source[start..<position])))
            return
        }
        for symbol: StaticString in ["//", "**", "==", "!=", ">=", "<="] where isAt(symbol) {
            add(.symbol(symbol.description))
            advance(2)
            return
        }
        guard "+-/*%~[](){}<>=.:|,".unicodeScalars.contains(scalar) else {
            throw templateError(line, "an unexpected '\(scalar)'")
        }
        switch scalar {
        case "(": brackets.append(")")
        case "[": brackets.append("]")
        case "{": brackets.append("}")
        case ")", "]", "}":
            guard brackets.popLast() == scalar else { throw templateError(line, "an unexpected '\(scalar)'") }
        default: break
        }
        add(.symbol(String(scalar)))
        advance(1)
    }

    private mutating func number() throws(TokenizerError) {
        let start = position
        func isDigit(_ place: Int) -> Bool { place < source.count && ("0"..."9").contains(source[place]) }
        func digits() {
            while isDigit(position) || (position < source.count && source[position] == "_" && isDigit(position + 1)) {
                position += 1
            }
        }
        digits()
        var isInteger = true
        if position + 1 < source.count, source[position] == ".", ("0"..."9").contains(source[position + 1]) {
            isInteger = false
            position += 1
            digits()
        }
        if position < source.count, source[position] == "e" || source[position] == "E" {
            isInteger = false
            position += 1
            if position < source.count, source[position] == "+" || source[position] == "-" { position += 1 }
            digits()
        }
        let text = string(source[start..<position].filter { $0 != "_" }[...])
        if isInteger, let value = Int(text) {
            add(.integer(value))
        } else if !isInteger, let value = Double(text) {
            add(.number(value))
        } else {
            throw templateError(line, "the number \(text)")
        }
    }

    private mutating func stringLiteral(_ quote: Unicode.Scalar) throws(TokenizerError) {
        let opened = line
        advance(1)
        var text = ""
        while position < source.count {
            let scalar = source[position]
            advance(1)
            if scalar == quote {
                tokens.append(TemplateToken(kind: .string(text), line: opened))
                return
            }
            if scalar == "\\", position < source.count {
                try escape(&text)
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        throw templateError(opened, "a string that is not closed")
    }

    /// As in Python: an unknown escape stays as it is.
    private mutating func escape(_ text: inout String) throws(TokenizerError) {
        let scalar = source[position]
        advance(1)
        switch scalar {
        case "n": text += "\n"
        case "t": text += "\t"
        case "r": text.unicodeScalars.append("\r")
        case "b": text += "\u{8}"
        case "f": text += "\u{C}"
        case "v": text += "\u{B}"
        case "a": text += "\u{7}"
        case "0": text += "\0"
        case "\\", "'", "\"": text.unicodeScalars.append(scalar)
        case "\n": break
        case "x", "u", "U":
            let count = scalar == "x" ? 2 : scalar == "u" ? 4 : 8
            let digits = string(source[position..<min(position + count, source.count)])
            guard digits.utf8.count == count, let value = UInt32(digits, radix: 16), let code = Unicode.Scalar(value)
            else { throw templateError(line, "an escape that is no character") }
            text.unicodeScalars.append(code)
            advance(count)
        default:
            text += "\\"
            text.unicodeScalars.append(scalar)
        }
    }
}
