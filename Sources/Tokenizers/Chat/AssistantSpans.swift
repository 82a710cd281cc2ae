/// A rendered conversation and where in its text the answers are that are learned: what the template's generation marks
/// enclose, if it has them, else the assistant's turns, see ``TurnPlaces``.
struct AssistantSpans {
    let text: String
    /// UTF-8 places, ascending.
    private(set) var ranges: [Range<Int>] = []

    /// - Parameters:
    ///   - from: turns before this one are not the answer.
    ///   - learning: `last` learns the last turn alone.
    ///   - useMarks: false to ignore generation marks, and what turns say of whether they are learned.
    init(
        _ messages: [ChatMessage], from first: Int, _ learning: ConversationEncoder.Learning, _ inputs: TemplateInputs,
        _ encoder: ConversationEncoder, useMarks: Bool
    ) throws(TokenizerError) {
        let shown = try encoder.shown(messages, inputs)
        let whole = try encoder.render(shown: shown, inputs, open: false)
        text = whole.text
        let answers = messages.indices.filter { $0 >= first && messages[$0].role == "assistant" }
        let learned = (learning == .last ? answers.suffix(1) : answers[...]).filter {
            !useMarks || messages[$0].isLearned
        }
        let isMarked = useMarks && !whole.generated.isEmpty
        let isWhole = isMarked && first == 0 && learned.count == messages.count { $0.role == "assistant" }
        let places = try TurnPlaces(shown, text, of: isMarked ? (isWhole ? [] : answers) : learned, inputs, encoder)
        if isWhole {
            ranges = whole.generated.filter { !$0.isEmpty }
            return
        }
        guard isMarked else {
            for index in learned {
                guard let turn = places.turns[index] else { throw TurnPlaces.lost(index) }
                let start = max(turn.start, ranges.last?.upperBound ?? 0)
                if start < turn.end { ranges.append(start..<turn.end) }
            }
            return
        }
        /// Where the marks of an answer may start: they may enclose what the generation prompt has.
        func border(_ index: Int) throws(TokenizerError) -> Int {
            guard let turn = places.turns[index] else { throw TurnPlaces.lost(index) }
            // Of a prompt nothing is learned, and of an answer before this one nothing belongs to it.
            let isAnswer = index > first && messages[index - 1].role != "assistant"
            return isAnswer || first == 0 && index == 0 ? turn.previous : turn.start
        }
        for (order, index) in answers.enumerated() where learned.contains(index) {
            let start = try border(index)
            let end = order + 1 < answers.count ? try border(answers[order + 1]) : text.utf8.count
            ranges += whole.generated.map { $0.clamped(to: start..<max(start, end)) }.filter { !$0.isEmpty }
        }
    }
}
