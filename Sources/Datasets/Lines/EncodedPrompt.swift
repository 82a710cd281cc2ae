package import Tokenizers

/// A prompt as a model is asked it, with what rewards get beside it.
package struct EncodedPrompt: Sendable, Equatable {
    /// For rewards, reports and people.
    package var text: String
    package var tokens: [Int32]
    /// A JSON object of the columns beside the prompt; empty if the line has no other.
    package var extra: String
    /// A JSON object with `messages`, `tools` and `template_arguments`, as far as the row has them; empty for plain text.
    package var conversation: String

    fileprivate init(_ row: PromptRow, tokens: [Int32]) {
        text = row.prompt.plain
        self.tokens = tokens
        extra = row.extra.isEmpty ? "" : JSONValue.object(row.extra).json
        conversation = ""
        guard case .turns(let turns) = row.prompt else { return }
        var members = [JSONValue.Member("messages", .array(turns.map(\.json)))]
        if let tools = row.inputs.tools { members.append(.init("tools", tools)) }
        if !row.inputs.arguments.isEmpty { members.append(.init("template_arguments", .object(row.inputs.arguments))) }
        conversation = JSONValue.object(members).json
    }
}

extension EncodedRows where Value == EncodedPrompt {
    /// The prompts of a file.
    ///
    /// - Parameters:
    ///   - vocabulary: tokens that the model has embeddings of.
    ///   - length: of a prompt, at most.
    ///   - limit: rows at most.
    ///   - check: refuses what others who read the prompt cannot use.
    package init(
        prompts path: String, _ encoder: ConversationEncoder, vocabulary: Int, length: LengthLimit, onBadLine: BadLine,
        limit: Int? = nil, check: (EncodedPrompt) throws -> Void = { _ in }
    ) throws {
        try self.init(PromptRow.self, path: path, onBadLine: onBadLine, limit: limit, rule: length.rule) { row in
            let tokens = try encoder.prompt(row.prompt, row.inputs)
            guard !tokens.isEmpty else { throw RowProblem("the prompt has no tokens") }
            try encoder.tokenizer.check(tokens, rows: vocabulary)
            let prompt = EncodedPrompt(row, tokens: tokens)
            try check(prompt)
            guard tokens.count > length.tokens else { return .row(prompt) }
            let problem = "the prompt's \(length.problem(tokens.count))"
            guard length.rule == .truncate else { return .tooLong(problem) }
            let cut = length.cut(tokens, start: encoder.tokenizer.bosID)
            guard !cut.isEmpty else { throw RowProblem("\(problem), and cut to it nothing is left") }
            return .cut(EncodedPrompt(row, tokens: cut), problem)
        }
    }
}
