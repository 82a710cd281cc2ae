extension Tokenizer {
    /// A tokenizer may have more tokens than its model has rows, often by a padding token that was added and is never
    /// used: that is no error until a text uses one.
    ///
    /// - Parameter rows: of the model's embedding.
    /// - Throws: when one of the ids has no row; the message names the token.
    package func check(_ ids: [Int32], rows: Int) throws(TokenizerError) {
        guard let id = ids.first(where: { $0 < 0 || Int($0) >= rows }) else { return }
        throw TokenizerError(
            .format,
            """
            the text uses the token '\(token(id) ?? "?")' (id \(id)), and the model has only \(rows) tokens; take it out of \
            the text, or give the model a row for it (transformers: resize_token_embeddings)
            """)
    }
}
