import Foundation

/// Finds the result in a text that leads to it.
enum MathExtraction {
    /// Results longer than this are no results.
    private static let longest = 2000
    private static let number = expression(
        #"(?<![\w.)}])-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?(?:\s*/\s*\d+)?(?:\s*\\?%)?|(?<![\w.)}])-?\.\d+"#
            + #"|-?\\[dt]?frac\s*\{[^{}]{1,100}\}\s*\{[^{}]{1,100}\}"#)
    private static let formula = expression(
        #"\$\$([^$]{1,2000})\$\$|\$([^$]{1,2000})\$|\\\(([\s\S]{1,2000}?)\\\)|\\\[([\s\S]{1,2000}?)\\\]"#)

    /// nil when the answer names no result.
    static func result(ofAnswer text: String) -> String? {
        if let marked = marked(text) { return marked }
        let (formula, number) = (last(formula, in: text), last(number, in: text))
        switch (formula, number) {
        case (let formula?, let number?): return formula.end >= number.end ? formula.text : number.text
        case (let found?, nil), (nil, let found?): return found.text
        case (nil, nil): return nil
        }
    }

    /// A label is the result as it stands, or the worked solution of a data set that marks it.
    static func result(ofLabel text: String) -> String? {
        let result = marked(text) ?? text
        return result.allSatisfy(\.isWhitespace) || result.utf8.count > longest ? nil : result
    }

    /// What is boxed last, or follows the last "####".
    private static func marked(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        if let boxed = lastBoxed(bytes) { return boxed }
        guard let mark = text.range(of: "####", options: .backwards) else { return nil }
        let line = text[mark.upperBound...].prefix { !$0.isNewline }
        return line.allSatisfy(\.isWhitespace) || line.utf8.count > longest ? nil : String(line)
    }

    /// Between the braces after the last `\boxed` or `\fbox` whose braces are whole.
    private static func lastBoxed(_ bytes: [UInt8]) -> String? {
        let words = [Array(#"\boxed"#.utf8), Array(#"\fbox"#.utf8)]
        var starts: [Int] = []
        var closings: [Int: Int] = [:]
        var open: [Int] = []
        var index = 0
        while index < bytes.count {
            if let word = words.first(where: { bytes[index...].starts(with: $0) }) {
                index += word.count
                while index < bytes.count, bytes[index] == UInt8(ascii: " ") { index += 1 }
                if index < bytes.count, bytes[index] == UInt8(ascii: "{") { starts.append(index) }
                continue
            }
            if bytes[index] == UInt8(ascii: "{") { open.append(index) }
            if bytes[index] == UInt8(ascii: "}"), let start = open.popLast() { closings[start] = index }
            index += 1
        }
        for start in starts.reversed() {
            guard let end = closings[start], end - start < longest else { continue }
            let inside = String(decoding: bytes[(start + 1)..<end], as: UTF8.self)
            if !inside.allSatisfy(\.isWhitespace) { return inside }
        }
        return nil
    }

    private static func last(_ expression: NSRegularExpression?, in text: String) -> (text: String, end: Int)? {
        // A result stands near the end; a long answer is not searched whole.
        let end = String(text.suffix(4 * longest))
        let range = NSRange(end.startIndex..., in: end)
        guard let match = expression?.matches(in: end, range: range).last else { return nil }
        let inner = (1..<max(1, match.numberOfRanges)).map { match.range(at: $0) }.first { $0.location != NSNotFound }
        guard let place = Range(inner ?? match.range, in: end) else { return nil }
        return (String(end[place]), NSMaxRange(match.range))
    }

    private static func expression(_ pattern: String) -> NSRegularExpression? {
        try? NSRegularExpression(pattern: pattern)
    }
}
