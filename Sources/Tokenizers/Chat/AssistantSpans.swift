/// A rendered conversation and where in its text the assistant's turns are: what the template writes for a turn behind the
/// generation prompt, up to and with the token that ends the turn.
///
/// The places are the template's generation marks, if it has them. Else they are found as TRL finds them: a turn starts
/// where the conversation before it, rendered with the generation prompt, stops being the start of the whole; so what a
/// template adds to a turn (an empty think block) is the turn's, and what only the generation prompt has (an open
/// `<think>`) is not. Templates may render earlier turns differently once others follow; then the turn is looked for
/// by the generation prompt and the end token that it has in any conversation.
struct AssistantSpans {
    let text: String
    /// UTF-8 places, ascending.
    private(set) var ranges: [Range<Int>] = []

    private let bytes: [UInt8]
    private let encoder: ConversationEncoder

    /// - Parameters:
    ///   - from: turns before this one are not the answer.
    ///   - learning: `last` finds the last turn alone, which a template that renders earlier turns differently allows.
    ///   - useMarks: false to ignore generation marks.
    init(
        _ messages: [ChatMessage], from first: Int, _ learning: ConversationEncoder.Learning, _ inputs: TemplateInputs,
        _ encoder: ConversationEncoder, useMarks: Bool
    ) throws(TokenizerError) {
        let whole = try encoder.render(messages, inputs, open: false)
        self.encoder = encoder
        text = whole.text
        bytes = Array(whole.text.utf8)
        if useMarks, !whole.generated.isEmpty {
            var start = 0
            if first > 0 {
                let open = Array(try encoder.render(Array(messages[..<first]), inputs, open: true).text.utf8)
                start = TextBytes.commonStart(open, bytes)
            }
            let marked = whole.generated.map { $0.clamped(to: start..<max(start, bytes.count)) }.filter { !$0.isEmpty }
            ranges = learning == .last ? marked.suffix(1) : marked
            return
        }
        let turns = messages.indices.filter { $0 >= first && messages[$0].role == "assistant" }
        for index in learning == .last ? turns.suffix(1) : turns {
            let start = try start(of: index, messages, inputs)
            let end = try end(of: index, messages, inputs, start)
            if start < end { ranges.append(start..<end) }
        }
    }

    private func start(
        of index: Int, _ messages: [ChatMessage], _ inputs: TemplateInputs
    ) throws(TokenizerError) -> Int {
        let done = ranges.last?.upperBound ?? 0
        let before = Array(messages[..<index])
        var header = encoder.shape?.header ?? []
        if !before.isEmpty, let open = rendered(before, inputs, open: true) {
            let closed = rendered(before, inputs, open: false) ?? open
            let headerStart = TurnShape.headerStart(open, closed, encoder.tokenizer)
            // What the prompt goes on with (an open `<think>`) and the answer may begin alike.
            let common = TurnShape.headerStart(open, bytes, encoder.tokenizer)
            if common >= headerStart, common >= done { return common }
            if headerStart < open.count { header = Array(open[headerStart...]) }
        }
        // The template renders what is before this turn differently when the turn follows.
        for length in stride(from: header.count, to: 0, by: -1)
        where !TextBytes.isBlank(header[..<length]) && isTokenEnd(length, header) {
            if let place = TextBytes.find(Array(header[..<length]), in: bytes, from: done) { return place + length }
        }
        let content = Array(messages[index].text.utf8.drop { $0 == 0x20 || (0x09...0x0D).contains($0) })
        if let place = TextBytes.find(content, in: bytes, from: done) { return place }
        throw Self.lost(index)
    }

    /// Whether a header may be cut here: at its end or behind an added token.
    private func isTokenEnd(_ length: Int, _ header: [UInt8]) -> Bool {
        length == header.count
            || encoder.tokenizer.added.split(header, isNormalized: false).contains {
                $0.id != nil && $0.range.upperBound == length
            }
    }

    private func end(
        of index: Int, _ messages: [ChatMessage], _ inputs: TemplateInputs, _ start: Int
    ) throws(TokenizerError) -> Int {
        let upTo = index == messages.count - 1 ? bytes : rendered(Array(messages[...index]), inputs, open: false)
        let common = upTo.map { TextBytes.commonStart($0, bytes) } ?? 0
        if common > start {
            if let end = endTokens(in: start..<common).last { return end }
            let isWhole = common == upTo?.count
            if isWhole { return closing(start..<common) }
        }
        if let end = endTokens(in: start..<bytes.count).first { return end }
        guard common > start else { throw Self.lost(index) }
        return closing(start..<common)
    }

    /// Where the tokens that end a turn end in a stretch of the text.
    private func endTokens(in range: Range<Int>) -> [Int] {
        addedTokens(in: range).filter { encoder.shape?.ends.contains($0.id) ?? false }.map(\.end)
    }

    /// The end of a turn that does not end as turns commonly do: behind the last added token when only white space follows
    /// it, else where its text ends.
    private func closing(_ range: Range<Int>) -> Int {
        guard let last = addedTokens(in: range).last, TextBytes.isBlank(bytes[last.end..<range.upperBound]) else {
            return range.upperBound
        }
        return last.end
    }

    /// Added tokens in a stretch, and where each ends without the white space that it takes along.
    private func addedTokens(in range: Range<Int>) -> [(id: Int32, end: Int)] {
        encoder.tokenizer.added.split(Array(bytes[range]), isNormalized: false).compactMap { stretch in
            guard let id = stretch.id else { return nil }
            var end = range.lowerBound + stretch.range.upperBound
            while end > range.lowerBound + stretch.range.lowerBound, TextBytes.isBlank(bytes[end - 1..<end]) {
                end -= 1
            }
            return (id, end)
        }
    }

    private func rendered(_ messages: [ChatMessage], _ inputs: TemplateInputs, open: Bool) -> [UInt8]? {
        (try? encoder.render(messages, inputs, open: open)).map { Array($0.text.utf8) }
    }

    private static func lost(_ index: Int) -> TokenizerError {
        TokenizerError(
            .template,
            """
            cannot tell which part of the text is turn \(index + 1): the chat template renders the conversation differently \
            up to there; mark the assistant's text in the template with {% generation %}
            """)
    }
}
