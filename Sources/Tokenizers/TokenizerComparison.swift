extension Tokenizer {
    /// Why a model with `other` as its tokenizer cannot read the ids of this one; nil when it can: each id is the same
    /// token there, and a text becomes the same ids. `other` may have more tokens, such as one for padding.
    package func difference(to other: Tokenizer) -> String? {
        for id in 0..<Int32(clamping: vocabularySize) {
            let (mine, theirs) = (token(id), other.token(id))
            guard let mine else { continue }
            guard let theirs else { return "token \(id) is '\(mine)' in one and missing in the other" }
            if mine != theirs { return "token \(id) is '\(mine)' in one and '\(theirs)' in the other" }
        }
        for probe in Self.probes where encode(probe) != other.encode(probe) {
            return "the text '\(probe)' becomes \(encode(probe)) in one and \(other.encode(probe)) in the other"
        }
        return nil
    }

    /// Texts by which tokenizers with one vocabulary that cut words in other ways, or begin a text in another, differ.
    private static let probes = ["Hello, world! It's 12345.67", " two  spaces", "Ünïcödé naïve"]

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
    /// - Throws: when the reward model has no chat template to put conversations into.
    package init(policy: Tokenizer, reward: Tokenizer, usesTemplate: Bool) throws(TokenizerError) {
        let difference = policy.difference(to: reward)
        if let difference {
            self = .encodedAgain(because: difference)
        } else if usesTemplate, let template = reward.templateSource, template != policy.templateSource {
            self = .encodedAgain(because: "the chat templates differ")
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
}
