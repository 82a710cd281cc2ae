/// Length and Markdown of an answer, which sway people and judges whatever the answer says.
package struct StyleCounts: Sendable, Equatable {
    /// Tokens where a file counts them, else words. Both answers of a pair are counted alike.
    package var length: Double
    package var headers: Double
    package var lists: Double
    package var bold: Double

    package init(length: Double, headers: Double = 0, lists: Double = 0, bold: Double = 0) {
        self.length = length
        self.headers = headers
        self.lists = lists
        self.bold = bold
    }

    /// Counts words, and lines and spans of Markdown outside of fenced code.
    package init(text: String) {
        self.init(length: 0)
        var isCode = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: true) {
            length += Double(line.split(whereSeparator: \.isWhitespace).count)
            let content = line.drop { $0 == " " || $0 == "\t" }
            if content.hasPrefix("```") || content.hasPrefix("~~~") {
                isCode.toggle()
                continue
            }
            if isCode { continue }
            if Self.isHeader(content) { headers += 1 }
            if Self.isListItem(content) { lists += 1 }
            bold += Double(Self.boldSpans(content))
        }
    }

    private static func isHeader(_ line: Substring) -> Bool {
        let marks = line.prefix { $0 == "#" }.count
        return (1...6).contains(marks) && line.dropFirst(marks).first == " "
    }

    private static func isListItem(_ line: Substring) -> Bool {
        if line.hasPrefix("- ") || line.hasPrefix("* ") || line.hasPrefix("+ ") { return true }
        let digits = line.prefix { $0.isASCII && $0.isNumber }
        guard (1...9).contains(digits.count) else { return false }
        let rest = line.dropFirst(digits.count)
        return rest.hasPrefix(". ") || rest.hasPrefix(") ")
    }

    /// Pairs of `**` or `__` on a line.
    private static func boldSpans(_ line: Substring) -> Int {
        ["**", "__"].reduce(0) { count, mark in
            var rest = line
            var marks = 0
            while let range = rest.firstRange(of: mark) {
                marks += 1
                rest = rest[range.upperBound...]
            }
            return count + marks / 2
        }
    }
}
