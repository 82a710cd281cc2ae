/// How a chat template begins and ends an assistant's turn, found by rendering small conversations with it.
struct TurnShape: Sendable {
    /// Tokens that end a turn, the usual one first: `<|im_end|>`, `<end_of_turn>`, `<|end|>`, `</s>`. Empty when the
    /// template ends turns by plain text, or refuses the conversations.
    private(set) var ends: [Int32] = []
    /// What stands before an answer, as the generation prompt has it.
    private(set) var header: [UInt8] = []
    /// What the template writes behind the answer of a conversation.
    private(set) var tail: [UInt8] = []
    /// Whether contents that are lists of text parts are rendered part by part.
    private(set) var readsParts = false

    private static let answer = "zqanswerzq"
    private static let question = "zqquestionzq"

    init(of template: ChatTemplate, _ tokenizer: Tokenizer, arguments: [JSONValue.Member] = []) {
        func render(_ messages: [ChatMessage], open: Bool = false) -> [UInt8]? {
            let variables = tokenizer.templateVariables(
                .array(messages.map(\.json)), tools: nil, addGenerationPrompt: open)
            return (try? template.render(variables + arguments)).map { Array($0.utf8) }
        }
        let start = ChatMessage(role: "user", content: "zqstartzq")
        let one = ChatMessage(role: "assistant", content: Self.answer)
        let next = [
            ChatMessage(role: "user", content: Self.question), ChatMessage(role: "assistant", content: "zqlastzq"),
        ]
        // Some templates want a system turn, others refuse it.
        for before in [[start], [ChatMessage(role: "system", content: "zqsystemzq"), start]] {
            guard let whole = render(before + [one]),
                let place = TextBytes.findLast(Array(Self.answer.utf8), in: whole)
            else { continue }
            let tail = whole[(place + Self.answer.utf8.count)...]
            let between = render(before + [one] + next).flatMap { Self.between($0) }
            self.tail = Array(tail)
            ends = Self.ends(tail: self.tail, between: between, tokenizer)
            if let closed = render(before), let open = render(before, open: true) {
                header = Array(open[Self.headerStart(open, closed, tokenizer)...])
            }
            break
        }
        readsParts = Self.readsParts { render([$0]) ?? render([$0, one]) }
    }

    /// Where a generation prompt starts in the prompt that has it, given the prompt without it. Both may go on with tokens
    /// that begin alike.
    static func headerStart(_ open: [UInt8], _ closed: [UInt8], _ tokenizer: Tokenizer) -> Int {
        let common = TextBytes.commonStart(open, closed)
        if common == open.count { return common }
        let within = tokenizer.added.split(open, isNormalized: false).first {
            $0.id != nil && $0.range.lowerBound < common && common < $0.range.upperBound
        }
        guard let within, !TextBytes.isBlank(open[common..<within.range.upperBound]) else { return common }
        return within.range.lowerBound
    }

    /// What stands between the first answer and the question behind it.
    private static func between(_ text: [UInt8]) -> [UInt8]? {
        guard let question = TextBytes.findLast(Array(question.utf8), in: text),
            let place = TextBytes.findLast(Array(answer.utf8), in: Array(text[..<question]))
        else { return nil }
        return Array(text[(place + answer.utf8.count)..<question])
    }

    /// The last token that follows an answer whatever comes after it. A template that ends the last turn by another token
    /// than those before it has both.
    private static func ends(tail: [UInt8], between: [UInt8]?, _ tokenizer: Tokenizer) -> [Int32] {
        func tokens(_ bytes: some Collection<UInt8>) -> [Int32] {
            tokenizer.added.split(Array(bytes), isNormalized: false).compactMap(\.id)
        }
        guard let last = tokens(tail).first else { return [] }
        guard let between else { return [last] }
        let common = tail.prefix(TextBytes.commonStart(tail, between))
        if let shared = tokens(common).last { return [shared] }
        return [last] + tokens(between).prefix(1).filter { $0 != last }
    }

    private static func readsParts(_ render: (ChatMessage) -> [UInt8]?) -> Bool {
        let texts = ["zqfirstzq", "zqsecondzq"]
        let parts = texts.map { JSONValue.object([.init("type", .string("text")), .init("text", .string($0))]) }
        guard
            let text = render(ChatMessage(.object([.init("role", .string("user")), .init("content", .array(parts))])))
        else { return false }
        // A template that prints the list itself shows its keys.
        return texts.allSatisfy { TextBytes.find(Array($0.utf8), in: text, from: 0) != nil }
            && TextBytes.find(Array("'text'".utf8), in: text, from: 0) == nil
            && TextBytes.find(Array("\"text\"".utf8), in: text, from: 0) == nil
    }
}
