/// What happens to sequences that are longer than a limit.
package struct LengthLimit: Sendable {
    /// The words of `data.too_long`.
    package enum Rule: String, Sendable { case error, skip, truncate }
    /// Which end of a sequence is cut off: the words of `data.truncate`.
    package enum Side: String, Sendable { case left, right }

    /// Most tokens of a sequence.
    package var tokens: Int
    package var rule: Rule
    package var side: Side
    /// The limit for messages: "the model's context of 512".
    package var name: String

    package init(tokens: Int, rule: Rule, side: Side, name: String) {
        self.tokens = max(0, tokens)
        self.rule = rule
        self.side = side
        self.name = name
    }

    /// What is wrong with a sequence of so many tokens, for messages.
    package func problem(_ count: Int) -> String { "\(count) tokens are more than \(name)" }

    /// Which places of a sequence stay when so many tokens are cut off. The token that begins texts stays in front when the
    /// left is cut.
    private func kept(_ sequence: [Int32], without surplus: Int, start: Int32?) -> (front: Int, rest: Range<Int>) {
        guard surplus > 0 else { return (0, 0..<sequence.count) }
        switch side {
        case .right: return (0, 0..<max(0, sequence.count - surplus))
        case .left:
            let front = start != nil && sequence.first == start && tokens > 1 ? 1 : 0
            return (front, min(sequence.count, front + surplus)..<sequence.count)
        }
    }

    /// Cuts a sequence to the limit.
    ///
    /// - Parameter start: the token that begins texts.
    package func cut(_ sequence: [Int32], start: Int32?) -> [Int32] {
        let kept = kept(sequence, without: sequence.count - tokens, start: start)
        return sequence[..<kept.front] + Array(sequence[kept.rest])
    }

    /// Cuts a sequence to the limit; nil when nothing that is learned is left.
    package func cut(_ sequence: EncodedConversation, start: Int32?) -> EncodedConversation? {
        remove(sequence.tokens.count - tokens, from: sequence, start: start)
    }

    /// Cuts two answers to one prompt, so that the longer one fits. On the left both lose the same part of the prompt, the
    /// shorter one never a part of its answer; nil when nothing of an answer is left.
    package func cut(
        _ a: EncodedConversation, _ b: EncodedConversation, start: Int32?
    ) -> (EncodedConversation, EncodedConversation)? {
        let surplus = max(a.tokens.count, b.tokens.count) - tokens
        func part(_ sequence: EncodedConversation) -> EncodedConversation? {
            let own = sequence.tokens.count - tokens
            guard side == .left else { return remove(own, from: sequence, start: start) }
            let prompt = (sequence.learned.first?.lowerBound ?? 0) - (sequence.tokens.first == start ? 1 : 0)
            return remove(max(own, min(surplus, prompt)), from: sequence, start: start)
        }
        guard let a = part(a), let b = part(b) else { return nil }
        return (a, b)
    }

    private func remove(
        _ surplus: Int, from sequence: EncodedConversation, start: Int32?
    ) -> EncodedConversation? {
        let kept = kept(sequence.tokens, without: surplus, start: start)
        let shift = kept.rest.lowerBound - kept.front
        let learned = sequence.learned.map { $0.clamped(to: kept.rest) }.filter { !$0.isEmpty }.map {
            $0.lowerBound - shift..<$0.upperBound - shift
        }
        // Nothing predicts a first token.
        guard learned.contains(where: { $0.upperBound > 1 }) else { return nil }
        return EncodedConversation(
            tokens: sequence.tokens[..<kept.front] + Array(sequence.tokens[kept.rest]), learned: learned)
    }
}
