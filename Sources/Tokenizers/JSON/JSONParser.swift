/// Parses one JSON document (RFC 8259). Written for tokenizer files and lines of data of several megabytes: one pass
/// over the bytes, no intermediate objects.
struct JSONParser {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let dialect: JSONDialect
    private var position = 0
    /// Somewhat more than Python's default recursion limit allows. A level costs a few hundred bytes of stack here and
    /// when the value is freed, so this fits the smallest stack that threads have (512 KB).
    private static let maximumDepth = 1_100

    /// - Parameter file: how errors call the document.
    static func parse(_ bytes: [UInt8], file: String) throws(TokenizerError) -> JSONValue {
        do {
            return try parse(bytes, dialect: .strict)
        } catch {
            throw TokenizerError(.syntax, "\(file):\(error.line):\(error.column): \(error.reason)")
        }
    }

    static func parse(_ bytes: some Collection<UInt8>, dialect: JSONDialect) throws(JSONProblem) -> JSONValue {
        func parsed(_ buffer: UnsafeBufferPointer<UInt8>) -> Result<JSONValue, JSONProblem> {
            if dialect == .python, hasTooManyValues(buffer) {
                return .failure(JSONProblem(reason: "more than \(mostValues) values", line: 1, column: 1))
            }
            var parser = JSONParser(bytes: buffer, dialect: dialect)
            do throws(JSONProblem) {
                return .success(try parser.document())
            } catch {
                return .failure(error)
            }
        }
        return try (bytes.withContiguousStorageIfAvailable(parsed) ?? Array(bytes).withUnsafeBufferPointer(parsed))
            .get()
    }

    /// A packed line of some kilobytes can hold so many zeros that as values they take all memory. Commas bound the number
    /// of values; a text with so many of them in one line has not been seen. Counted ahead, since another variable in the
    /// frames of the recursion would make them too large for small stacks.
    private static let mostValues = 4_000_000

    private static func hasTooManyValues(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        bytes.count > mostValues && bytes.count { $0 == UInt8(ascii: ",") } >= mostValues
    }

    private init(bytes: UnsafeBufferPointer<UInt8>, dialect: JSONDialect) {
        self.bytes = bytes
        self.dialect = dialect
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { position = 3 }
    }

    private mutating func document() throws(JSONProblem) -> JSONValue {
        let value = try value(depth: 0)
        skipSpace()
        if position < bytes.count { throw error("more text after the end of the document") }
        return value
    }

    private func error(_ what: String) -> JSONProblem {
        var line = 1
        var column = 1
        for byte in bytes.prefix(position) {
            // Columns are characters: the later bytes of one do not count.
            if byte & 0xC0 != 0x80 { column += 1 }
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            }
        }
        return JSONProblem(reason: what, line: line, column: column)
    }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    private mutating func value(depth: Int) throws(JSONProblem) -> JSONValue {
        if depth > Self.maximumDepth { throw error("nested deeper than \(Self.maximumDepth)") }
        skipSpace()
        guard position < bytes.count else { throw error("the document ends where a value was expected") }
        switch bytes[position] {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "N") where dialect == .python: return try word("NaN", .number(.nan))
        case UInt8(ascii: "I") where dialect == .python: return try word("Infinity", .number(.infinity))
        default: return try number()
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONProblem) -> JSONValue {
        let count = text.utf8CodeUnitCount
        guard position + count <= bytes.count else { throw error("not a JSON value") }
        for index in 0..<count where bytes[position + index] != text.utf8Start[index] {
            throw error("not a JSON value")
        }
        position += count
        return value
    }

    private mutating func object(depth: Int) throws(JSONProblem) -> JSONValue {
        position += 1
        var members = JSONMembers(dialect)
        skipSpace()
        if position < bytes.count, bytes[position] == UInt8(ascii: "}") {
            position += 1
            return .object([])
        }
        while true {
            skipSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw error("expected a key") }
            let key = try string()
            skipSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: ":") else { throw error("expected ':'") }
            position += 1
            members.append(.init(key, try value(depth: depth + 1)))
            if try !more(closing: UInt8(ascii: "}")) { return .object(members.list) }
        }
    }

    private mutating func array(depth: Int) throws(JSONProblem) -> JSONValue {
        position += 1
        var elements: [JSONValue] = []
        skipSpace()
        if position < bytes.count, bytes[position] == UInt8(ascii: "]") {
            position += 1
            return .array(elements)
        }
        while true {
            elements.append(try value(depth: depth + 1))
            if try !more(closing: UInt8(ascii: "]")) { return .array(elements) }
        }
    }

    private mutating func more(closing: UInt8) throws(JSONProblem) -> Bool {
        skipSpace()
        guard position < bytes.count else { throw error("the document ends inside an object or array") }
        if bytes[position] == closing {
            position += 1
            return false
        }
        guard bytes[position] == UInt8(ascii: ",") else { throw error("expected ',' or the closing bracket") }
        position += 1
        return true
    }

    private static let mostDigits = 4_300

    /// `-? (0 | [1-9][0-9]*) (\.[0-9]+)? ([eE][+-]?[0-9]+)?`. An integer beyond 64 bits becomes a number in a
    /// strict document.
    private mutating func number() throws(JSONProblem) -> JSONValue {
        let start = position
        if peek() == UInt8(ascii: "-") { position += 1 }
        if dialect == .python, peek() == UInt8(ascii: "I") { return try word("Infinity", .number(-.infinity)) }
        let (first, whole) = (peek(), position)
        guard digits() else {
            position = start
            throw error("not a JSON value")
        }
        if first == UInt8(ascii: "0"), position - whole > 1 {
            position = start
            throw error("a number starts with a needless 0")
        }
        var isInteger = true
        if peek() == UInt8(ascii: ".") {
            position += 1
            isInteger = false
            guard digits() else { throw error("expected a digit after the point of a number") }
        }
        if peek() == UInt8(ascii: "e") || peek() == UInt8(ascii: "E") {
            position += 1
            isInteger = false
            if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { position += 1 }
            guard digits() else { throw error("expected a digit in the exponent of a number") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let value = Int(text) { return .integer(value) }
        if isInteger, dialect == .python {
            guard text.utf8.count <= Self.mostDigits else {
                position = start
                throw error("an integer of more than \(Self.mostDigits) digits, which Python does not read either")
            }
            return .largeInteger(text)
        }
        guard let value = Double(text), value.isFinite || dialect == .python else {
            position = start
            throw error("not a JSON value: the number is too large")
        }
        return .number(value)
    }

    private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    /// Passes over digits.
    /// - Returns: whether there was one.
    private mutating func digits() -> Bool {
        let start = position
        while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position > start
    }

    private mutating func string() throws(JSONProblem) -> String {
        position += 1
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                let text = try checked(bytes[start..<position])
                position += 1
                return text
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
            if byte < 0x20 { throw error("a control character in a string must be escaped") }
            position += 1
        }
        throw error("the document ends inside a string")
    }

    private func checked(_ slice: Slice<UnsafeBufferPointer<UInt8>>) throws(JSONProblem) -> String {
        guard let text = String(validating: slice, as: UTF8.self) else { throw error("a string is not UTF-8") }
        return text
    }

    private mutating func escapedString(from start: Int) throws(JSONProblem) -> String {
        var text = try checked(bytes[start..<position])
        var run = position
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                text += try checked(bytes[run..<position])
                position += 1
                return text
            }
            if byte < 0x20 { throw error("a control character in a string must be escaped") }
            guard byte == UInt8(ascii: "\\") else {
                position += 1
                continue
            }
            text += try checked(bytes[run..<position])
            position += 1
            text.unicodeScalars.append(try escape())
            run = position
        }
        throw error("the document ends inside a string")
    }

    private mutating func escape() throws(JSONProblem) -> Unicode.Scalar {
        guard position < bytes.count else { throw error("the document ends inside a string") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default: throw error("unknown escape in a string")
        }
        let high = try hexadecimal()
        if let scalar = Unicode.Scalar(high) { return scalar }
        if (0xD800..<0xDC00).contains(high), position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u")
        {
            position += 2
            let low = try hexadecimal()
            if (0xDC00..<0xE000).contains(low),
                let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
            {
                return scalar
            }
        }
        throw error("half of a surrogate pair in a string, which stands for no character")
    }

    private mutating func hexadecimal() throws(JSONProblem) -> UInt32 {
        guard position + 4 <= bytes.count else { throw error("the document ends inside an escape") }
        var value: UInt32 = 0
        for byte in bytes[position..<position + 4] {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw error("not four hexadecimal digits after \\u")
            }
            value = value << 4 | UInt32(digit)
        }
        position += 4
        return value
    }
}
