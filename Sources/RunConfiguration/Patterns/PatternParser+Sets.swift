import Foundation

/// Escapes and sets.
extension PatternParser {
    enum Escape {
        case literal(Unicode.Scalar)
        /// What stands in the brackets of an ICU set.
        case members(String)
        case anchor(String)
        case reference(Int)
    }

    /// What Python means by a digit, a space and a letter of a word.
    private enum Class {
        case digit, space, word

        func members(ascii: Bool) -> String {
            switch self {
            case .digit: ascii ? "0-9" : #"\p{Nd}"#
            case .space where ascii: #"\x{9}-\x{D}\x{20}"#
            case .space:
                #"\x{9}-\x{D}\x{1C}-\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}"#
            case .word: ascii ? "a-zA-Z0-9_" : #"\p{L}\p{N}_"#
            }
        }
    }

    /// The escape behind a backslash.
    mutating func escape(inSet: Bool) throws(PythonPattern.Problem) -> Escape {
        let start = position - 1
        guard let scalar = take() else { throw problem("the pattern ends in a backslash", at: start) }
        switch scalar {
        case "d": return .members(Class.digit.members(ascii: flags.ascii))
        case "s": return .members(Class.space.members(ascii: flags.ascii))
        case "w": return .members(Class.word.members(ascii: flags.ascii))
        case "D": return .members("[^\(Class.digit.members(ascii: flags.ascii))]")
        case "S": return .members("[^\(Class.space.members(ascii: flags.ascii))]")
        case "W": return .members("[^\(Class.word.members(ascii: flags.ascii))]")
        case "p", "P": return .members(try property(scalar, start))
        case "N":
            guard take("{") else { throw problem("\\N needs the name of a character in {}", at: start) }
            return .members("\\N{\(try take(until: "}", "the name of a character"))}")
        case "a": return .literal("\u{7}")
        case "f": return .literal("\u{C}")
        case "n": return .literal("\n")
        case "r": return .literal("\r")
        case "t": return .literal("\t")
        case "v": return .literal("\u{B}")
        case "x": return .literal(try hexadecimal(2, start))
        case "u": return .literal(try hexadecimal(4, start))
        case "U": return .literal(try hexadecimal(8, start))
        case "b" where inSet: return .literal("\u{8}")
        case "0": return .literal(try octal(scalar, start))
        case "1"..."7" where inSet: return .literal(try octal(scalar, start))
        case "1"..."9" where !inSet:
            if let scalar = try threeOctal(scalar, start) { return .literal(scalar) }
            guard let number = numbered(scalar) else { throw problem("this is no number of a group", at: start) }
            return .reference(number)
        case "8", "9": throw problem("\\\(scalar) means nothing in a set", at: start)
        case _ where inSet: break
        case "A": return .anchor(#"\A"#)
        case "Z", "z": return .anchor(#"\z"#)
        case "b", "B":
            let word = "[\(Class.word.members(ascii: flags.ascii))]"
            return .anchor(
                scalar == "b"
                    ? "(?:(?<=\(word))(?!\(word))|(?<!\(word))(?=\(word)))"
                    : "(?:(?<=\(word))(?=\(word))|(?<!\(word))(?!\(word)))")
        case "k": return .reference(try named(start))
        default: break
        }
        guard !(scalar.isASCII && scalar.properties.isAlphabetic) else {
            throw problem("the escape \\\(scalar) does not exist in Python", at: start)
        }
        return .literal(scalar)
    }

    /// `\p{L}`, `\pL`: ICU's.
    private mutating func property(_ letter: Unicode.Scalar, _ start: Int) throws(PythonPattern.Problem) -> String {
        guard take("{") else { throw problem("\\\(letter) needs a property in {}", at: start) }
        let name = try take(until: "}", "the property")
        guard !name.isEmpty,
            name.unicodeScalars.allSatisfy({
                $0.isASCII && ($0.properties.isXIDContinue || "=- ".unicodeScalars.contains($0))
            })
        else { throw problem("'\(name)' is no property of characters", at: start) }
        return "\\\(letter){\(name)}"
    }

    private mutating func hexadecimal(_ count: Int, _ start: Int) throws(PythonPattern.Problem) -> Unicode.Scalar {
        var value: UInt32 = 0
        for _ in 0..<count {
            guard let digit = take().flatMap({ Character($0).hexDigitValue }) else {
                throw problem("this escape needs \(count) hexadecimal digits", at: start)
            }
            value = value << 4 | UInt32(digit)
        }
        guard let scalar = Unicode.Scalar(value) else { throw problem("there is no such character", at: start) }
        return scalar
    }

    /// `\0`, `\01`, `\012`; in a set `\1` too.
    private mutating func octal(_ first: Unicode.Scalar, _ start: Int) throws(PythonPattern.Problem) -> Unicode.Scalar {
        var value = first.value - 48
        for _ in 0..<2 {
            guard let digit = next, ("0"..."7").contains(digit) else { break }
            position += 1
            value = value * 8 + digit.value - 48
        }
        guard value <= 0o377, let scalar = Unicode.Scalar(value) else {
            throw problem("an octal escape is at most \\377", at: start)
        }
        return scalar
    }

    /// Three octal digits are a character, fewer a reference to a group.
    private mutating func threeOctal(
        _ first: Unicode.Scalar, _ start: Int
    ) throws(PythonPattern.Problem) -> Unicode.Scalar? {
        let place = position
        guard ("0"..."7").contains(first), let second = take(), let third = take(), ("0"..."7").contains(second),
            ("0"..."7").contains(third)
        else {
            position = place
            return nil
        }
        let value = (first.value - 48) * 64 + (second.value - 48) * 8 + third.value - 48
        guard value <= 0o377, let scalar = Unicode.Scalar(value) else {
            throw problem("an octal escape is at most \\377", at: start)
        }
        return scalar
    }

    /// A set, behind its bracket.
    mutating func set() throws(PythonPattern.Problem) -> String {
        let start = position - 1
        let isNegated = take("^")
        var members = ""
        var isFirst = true
        while true {
            if next == "]", !isFirst {
                position += 1
                break
            }
            isFirst = false
            let (low, text) = try member(start)
            guard next == "-", let after = peek(1), after != "]" else {
                members += text
                if let low, flags.ignoreCase, Self.lettersI.contains(low) { members += Self.allI }
                continue
            }
            position += 1
            let place = position
            let (high, _) = try member(start)
            guard let low, let high, low <= high else { throw problem("this is no range of characters", at: place) }
            members += "\(Self.character(low))-\(Self.character(high))"
            if flags.ignoreCase, Self.lettersI.contains(where: { low <= $0 && $0 <= high }) { members += Self.allI }
        }
        if !isNegated { return "[\(members)]" }
        // ICU would negate first and ignore case then, which makes [^a] match everything.
        return flags.ignoreCase ? "(?:(?![\(members)])\(Self.any))" : "[^\(members)]"
    }

    /// A character, and what it is written as; or a class, which has no character.
    private mutating func member(_ start: Int) throws(PythonPattern.Problem) -> (Unicode.Scalar?, String) {
        guard let scalar = take() else { throw problem("this set is not closed", at: start) }
        guard scalar == "\\" else { return (scalar, Self.character(scalar)) }
        switch try escape(inSet: true) {
        case .literal(let scalar): return (scalar, Self.character(scalar))
        case .members(let text): return (nil, text)
        case .anchor, .reference: throw problem("this escape means nothing in a set")
        }
    }
}
