extension Tokenizer {
    /// Why a model with `other` as its tokenizer cannot read the ids of this one; nil when it can: each id is the same
    /// token there, and a text becomes the same ids. `other` may have more tokens, such as one for padding.
    package func difference(to other: Tokenizer) -> String? {
        // The ids that there are: the file of a tokenizer may give an added token any number.
        for id in Array(0..<Int32(clamping: model.tokens.count)) + added.byID.keys.sorted() {
            let (mine, theirs) = (token(id), other.token(id))
            guard let mine else { continue }
            guard let theirs else { return "token \(id) is '\(mine)' in one and missing in the other" }
            if mine != theirs { return "token \(id) is '\(mine)' in one and '\(theirs)' in the other" }
        }
        if !model.joins(as: other.model) { return "they join the parts of words in another order" }
        for probe in Self.probes where encode(probe) != other.encode(probe) {
            return "the text '\(probe)' becomes \(encode(probe)) in one and \(other.encode(probe)) in the other"
        }
        return nil
    }

    /// Texts by which tokenizers with one vocabulary that cut words in other ways, or begin a text in another, differ.
    private static let probes = [
        "Hello, world! It's 12345.67", " two  spaces", "Ünïcödé naïve", "DON'T stop\n\n\n  x_y/z==>{}\t\tend \n",
        "日本語のテキスト、東京。", "e\u{301}\u{FB01} ① ½ \u{A0}\u{3000}½", "1234567 ٣٤ １２ 🌳🌳", "camelCase mixedUP 3rd",
    ]

    /// The text of the default chat template; nil without one.
    package var templateSource: String? {
        if let source = settings.chatTemplate { return source }
        switch settings.configuration?["chat_template"] {
        case .string(let source): return source
        case .array(let list):
            return list.first { ($0["name"]?.string ?? "default") == "default" }?["template"]?.string
        default: return nil
        }
    }
}

/// How a reward model reads the answers of a policy.
package enum RewardReading: Sendable, Equatable {
    /// The ids that the policy sampled.
    case sampled
    /// The text, encoded again; with the reason.
    case encodedAgain(because: String)

    /// - Parameters:
    ///   - usesTemplate: prompts go through the policy's chat template.
    ///   - isTrainedHere: the stage reward_model made the model, which reads answers up to the token that ends them. Of a
    ///     published model the text is what its template gives, to the last character, see ``AnswerEncoder``.
    /// - Throws: when the reward model has no chat template to put conversations into.
    package init(policy: Tokenizer, reward: Tokenizer, usesTemplate: Bool, isTrainedHere: Bool) throws(TokenizerError) {
        let difference = policy.difference(to: reward)
        if let difference {
            self = .encodedAgain(because: difference)
        } else if usesTemplate, let template = reward.templateSource, template != policy.templateSource {
            self = .encodedAgain(because: "the chat templates differ")
        } else if usesTemplate, !isTrainedHere, reward.hasChatTemplate, !Self.endsWithToken(reward) {
            self = .encodedAgain(because: "its chat template goes on behind the token that ends an answer")
        } else {
            self = .sampled
        }
        if difference != nil, usesTemplate, !reward.hasChatTemplate {
            throw TokenizerError(
                .template,
                "its tokenizer is another than the policy's and has no chat template to put conversations into; add "
                    + "chat_template.jinja to it, or write data.chat_template: none")
        }
    }

    /// Whether the template writes one token behind an answer, which ends it, and nothing else.
    private static func endsWithToken(_ tokenizer: Tokenizer) -> Bool {
        guard let shape = (try? tokenizer.chatTemplate()).map({ TurnShape(of: $0, tokenizer) }) else { return false }
        let tail = tokenizer.added.split(shape.tail, isNormalized: false).map(\.id)
        return tail.count == 1 && tail.allSatisfy { id in id.map(tokenizer.answerEnds.contains) ?? false }
    }
}
