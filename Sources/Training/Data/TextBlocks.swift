/// Texts as rows for next-token training.
enum TextBlocks {
    /// Cuts a text into blocks of at most `context` tokens.
    ///
    /// The end of text follows the last token, unless the text ends with it already. A block begins with the last token
    /// of the one before it, so that every token but the first of the text is learned exactly once, after at least one
    /// token that precedes it. Each block has two tokens or more; a text of fewer gives none.
    static func cut(_ tokens: [Int32], end: Int32?, context: Int) -> [[Int32]] {
        var tokens = tokens
        if let end, tokens.last != end { tokens.append(end) }
        guard context > 1, tokens.count > 1 else { return [] }
        return stride(from: 0, to: tokens.count - 1, by: context - 1).map {
            Array(tokens[$0..<min(tokens.count, $0 + context)])
        }
    }
}
