/// Where the assistant's turns are in the text that a chat template makes of a conversation.
///
/// A turn is found by its place and never by its words, which may stand anywhere: the conversation is rendered once more
/// with marks in place of all words, see ``MarkedConversation``, and what the template writes between two marks is the end of
/// one turn and the start of the next. A turn starts behind what the generation prompt has, as TRL takes it: what a template
/// adds to a turn (an empty think block) is the turn's, and what only the generation prompt goes on with (an open
/// `<think>`) is not. It ends with the token that ends turns, or where the conversation up to it ends.
struct TurnPlaces {
    /// UTF-8 places of one turn.
    struct Turn {
        /// Where the words of the turn before end.
        var previous: Int
        /// Behind what the generation prompt has.
        var start: Int
        /// Behind the token that ends the turn.
        var end: Int
    }

    /// By the index of the turn; turns whose words the template leaves out are missing.
    private(set) var turns: [Int: Turn] = [:]

    private let bytes: [UInt8]
    private let messages: [ChatMessage]
    private let inputs: TemplateInputs
    private let encoder: ConversationEncoder
    private var prompts: [String: Prompt] = [:]
    private var closings: [Int: [UInt8]] = [:]

    /// What a template writes behind the words of the last turn.
    private struct Prompt {
        /// With the generation prompt.
        var open: [UInt8]
        /// Where the generation prompt starts in it.
        var header: Int
    }

    /// The stretch of the text with a turn's words, and what stands around it.
    private struct Stretch {
        var turn: Int
        var previous: Int
        /// From where on a generation prompt may be this turn's.
        var searched: Int
        var words: Range<Int>
        var next: Int
    }

    /// - Parameters:
    ///   - messages: as the template gets them.
    ///   - text: what it makes of them.
    ///   - turns: the assistant's turns that are wanted, ascending.
    init(
        _ messages: [ChatMessage], _ text: String, of turns: [Int], _ inputs: TemplateInputs,
        _ encoder: ConversationEncoder
    ) throws(TokenizerError) {
        self.messages = messages
        self.inputs = inputs
        self.encoder = encoder
        bytes = Array(text.utf8)
        let all = MarkedConversation(messages, marking: { _ in true }, unlike: bytes)
        try encoder.checkShown(all, inputs, open: false)
        if locate(turns, all) { return }
        // The template looks at words of other turns, as for a switch.
        let answers = MarkedConversation(messages, marking: { messages[$0].role == "assistant" }, unlike: bytes)
        if locate(turns, answers) { return }
        // Or it writes the words of an answer in another way.
        self.turns = [:]
        for turn in turns { locate(alone: turn, MarkedConversation(messages, marking: { $0 == turn }, unlike: bytes)) }
    }

    static func lost(_ index: Int) -> TokenizerError {
        TokenizerError(
            .template,
            """
            cannot tell which part of the text is turn \(index + 1): the chat template renders the conversation differently \
            with other words; mark the assistant's text in the template with {% generation %}
            """)
    }

    // MARK: Stretches

    /// - Returns: false when the text differs from that of the marked conversation in more than the words.
    private mutating func locate(_ wanted: [Int], _ marked: MarkedConversation) -> Bool {
        guard let text = rendered(marked, open: false) else { return false }
        let occurrences = marked.occurrences(in: text)
        guard let places = marked.places(occurrences, in: text, of: bytes) else { return false }
        // The words of a turn up to those of another; the template may write some of them again later.
        var stretches: [Int: Stretch] = [:]
        var index = 0
        var seen: Set<Int> = []
        while index < occurrences.count {
            let turn = marked.marks[occurrences[index].mark].turn
            let first = index
            seen.insert(occurrences[index].mark)
            while index + 1 < occurrences.count, marked.marks[occurrences[index + 1].mark].turn == turn,
                seen.insert(occurrences[index + 1].mark).inserted
            { index += 1 }
            if stretches[turn] == nil {
                stretches[turn] = Stretch(
                    turn: turn, previous: first > 0 ? places[first - 1].upperBound : 0,
                    searched: first > 0 ? places[first - 1].upperBound : 0,
                    words: places[first].lowerBound..<places[index].upperBound,
                    next: index + 1 < places.count ? places[index + 1].lowerBound : bytes.count)
            }
            index += 1
        }
        place(wanted.compactMap { stretches[$0] }, marked)
        return true
    }

    /// A turn whose words alone have marks: what stands before them and behind them is as without marks.
    private mutating func locate(alone turn: Int, _ marked: MarkedConversation) {
        guard let text = rendered(marked, open: false) else { return }
        let occurrences = marked.occurrences(in: text)
        guard let first = occurrences.first, let last = occurrences.last else { return }
        let before = min(first.range.lowerBound, TextBytes.commonStart(text, bytes))
        let behind = min(text.count - last.range.upperBound, TextBytes.commonEnd(text, bytes), bytes.count - before)
        let done = min(turns.filter { $0.key < turn }.values.map(\.end).max() ?? 0, before)
        place(
            [
                Stretch(
                    turn: turn, previous: 0, searched: done, words: before..<bytes.count - behind, next: bytes.count)
            ], marked)
        turns[turn]?.previous = done
    }

    private func rendered(_ marked: MarkedConversation, upTo count: Int? = nil, open: Bool) -> [UInt8]? {
        encoder.renderMarked(Array(marked.messages.prefix(count ?? marked.messages.count)), inputs, open: open)
    }

    // MARK: Starts and ends

    private mutating func place(_ stretches: [Stretch], _ marked: MarkedConversation) {
        (prompts, closings) = ([:], [:])
        // Turns behind a turn of the same role start alike, and the last of them is the one that may be another's answer.
        for stretch in stretches.reversed() {
            let start = start(of: stretch, marked)
            turns[stretch.turn] = Turn(
                previous: stretch.previous, start: start, end: max(start, end(of: stretch, marked)))
        }
    }

    private mutating func start(of stretch: Stretch, _ marked: MarkedConversation) -> Int {
        let gap = Array(bytes[stretch.previous..<stretch.words.lowerBound])
        let searched = Array(bytes[stretch.searched..<stretch.words.lowerBound])
        func start(_ prompt: Prompt) -> Int? {
            // What the prompt goes on with (an open `<think>`) and the answer may begin alike.
            let common = TurnShape.headerStart(prompt.open, gap, encoder.tokenizer)
            let header = Array(prompt.open[prompt.header...])
            if header.isEmpty, common == prompt.header { return stretch.previous + common }
            // The template may write the end of the turn before differently when this one follows.
            let found = headerEnd(header, in: searched)
            if common > prompt.header, common - prompt.header >= found?.length ?? 0 { return stretch.previous + common }
            if let found { return stretch.searched + found.end }
            return common == prompt.header && common > 0 ? stretch.previous + common : nil
        }
        let role = stretch.turn > 0 ? messages[stretch.turn - 1].role : ""
        if let known = prompts[role], let start = start(known) { return start }
        if let own = prompt(before: stretch.turn, marked) {
            if prompts[role] == nil { prompts[role] = own }
            if let start = start(own) { return start }
        }
        if let found = headerEnd(encoder.shape?.header ?? [], in: searched) { return stretch.searched + found.end }
        let last = encoder.tokenizer.added.split(searched, isNormalized: false).last { $0.id != nil }
        return last.map { stretch.searched + $0.range.upperBound } ?? stretch.words.lowerBound
    }

    private func prompt(before turn: Int, _ marked: MarkedConversation) -> Prompt? {
        guard turn > 0, let open = rendered(marked, upTo: turn, open: true) else { return nil }
        let closed = rendered(marked, upTo: turn, open: false) ?? open
        func tail(_ text: [UInt8]) -> [UInt8] {
            Array(text[(marked.occurrences(in: text).last?.range.upperBound ?? 0)...])
        }
        let (openTail, closedTail) = (tail(open), tail(closed))
        return Prompt(open: openTail, header: TurnShape.headerStart(openTail, closedTail, encoder.tokenizer))
    }

    /// The end of the longest start of a generation prompt in what stands before a turn, the last one of several.
    private func headerEnd(_ header: [UInt8], in gap: [UInt8]) -> (length: Int, end: Int)? {
        var best: (length: Int, end: Int)?
        for place in gap.indices where gap[place] == header.first {
            let length = TurnShape.headerStart(header, Array(gap[place...].prefix(header.count)), encoder.tokenizer)
            if length >= best?.length ?? 1, !TextBytes.isBlank(header[..<length]) { best = (length, place + length) }
        }
        return best
    }

    private mutating func end(of stretch: Stretch, _ marked: MarkedConversation) -> Int {
        var from = stretch.words.upperBound
        let trailing = marked.trailing[stretch.turn]
        if bytes[from..<stretch.next].starts(with: trailing) { from += trailing.count }
        let tail = Array(bytes[from..<stretch.next])
        if stretch.turn == messages.count - 1 {
            return endTokens(in: from..<bytes.count).last ?? closing(stretch.words.lowerBound..<bytes.count)
        }
        let closed = closed(stretch.turn, marked)
        let common = TurnShape.headerStart(closed, tail, encoder.tokenizer)
        if let end = endTokens(in: from..<from + common).last { return end }
        if common < closed.count || closed.isEmpty, let end = endTokens(in: from..<stretch.next).first { return end }
        return closing(stretch.words.lowerBound..<from + common)
    }

    /// What the template writes behind a turn that is the last one.
    private mutating func closed(_ turn: Int, _ marked: MarkedConversation) -> [UInt8] {
        // Calls of tools are behind the marks, each with other arguments, which end tokens make no matter.
        let key = messages[turn].callsTools && encoder.shape?.ends.isEmpty != false ? turn : -1
        if let known = closings[key] { return known }
        var closed: [UInt8] = []
        if let text = rendered(marked, upTo: turn + 1, open: false) {
            closed = Array(text[(marked.occurrences(in: text).last?.range.upperBound ?? text.count)...])
            let trailing = marked.trailing[turn]
            if closed.starts(with: trailing) { closed.removeFirst(trailing.count) }
        }
        closings[key] = closed
        return closed
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
}
