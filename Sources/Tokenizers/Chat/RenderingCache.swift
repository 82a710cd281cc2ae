internal import Synchronization

/// What a template makes of conversations with marks in place of their words, of which a data set has few.
final class RenderingCache: Sendable {
    private static let entries = 256
    /// Longer conversations hardly come twice.
    private static let turns = 16

    private let texts = Mutex<[String: [UInt8]?]>([:])

    /// - Parameter render: nil when the template refuses the conversation.
    func text(
        _ messages: [ChatMessage], _ inputs: TemplateInputs, open: Bool, render: () -> [UInt8]?
    ) -> [UInt8]? {
        guard messages.count <= Self.turns, inputs.tools == nil else { return render() }
        let key = JSONValue.array([
            .bool(open), .object(inputs.arguments), .array(messages.map(\.json)),
        ]).json
        if let known = texts.withLock({ $0[key] }) { return known }
        let text = render()
        texts.withLock { texts in
            if texts.count >= Self.entries { texts.removeAll() }
            texts[key] = .some(text)
        }
        return text
    }
}
