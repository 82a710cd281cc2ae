/// A conversation with a mark in place of each stretch of its words. Where the marks come out in the text that a template
/// makes of it tells which turn each part of the text belongs to, whatever words the turns have.
///
/// What templates look at stays as it is: white space around the words, which they trim, tags such as `</think>`, at which
/// they split, and switches such as `/no_think`.
struct MarkedConversation {
    struct Mark: Equatable {
        /// Index of the turn.
        var turn: Int
        /// UTF-8 of the words that it stands for; empty at the place where the content of an assistant's turn is or ends.
        var text: [UInt8]
        /// Whether the words are lost when the template does not write the mark. Thoughts may be left out, and the name of
        /// a tool too.
        var mustShow: Bool
    }

    private(set) var messages: [ChatMessage]
    private(set) var marks: [Mark] = []
    /// For each turn the white space at the end of its content.
    private(set) var trailing: [[UInt8]]
    /// How marks begin, in small letters.
    let prefix: [UInt8]

    /// - Parameters:
    ///   - turns: whose words get marks.
    ///   - text: of the conversation, in which no mark may stand.
    init(_ messages: [ChatMessage], marking turns: (Int) -> Bool, unlike text: [UInt8]) {
        prefix = Self.prefix(unlike: text)
        self.messages = messages
        trailing = messages.map { _ in [] }
        for index in messages.indices where turns(index) { mark(index) }
    }

    private static func prefix(unlike text: [UInt8]) -> [UInt8] {
        let lower = text.map(lowercase)
        var prefix = Array("zqx".utf8)
        while TextBytes.find(prefix, in: lower, from: 0) != nil { prefix += Array("zqx".utf8) }
        return prefix
    }

    /// Templates may write words in large letters.
    static func lowercase(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte + 0x20 : byte }

    // MARK: Marking

    private mutating func mark(_ index: Int) {
        guard var members = messages[index].json.members else { return }
        let isAssistant = messages[index].role == "assistant"
        for place in members.indices {
            switch (members[place].key, members[place].value) {
            case ("content", .string(let text)):
                let isAlone = messages[index].callsTools || messages[index].reasoning != nil
                members[place].value = .string(marked(text, index, marksEmpty: isAssistant && !isAlone))
                trailing[index] = Array(text.utf8.reversed().prefix(while: Self.isSpace).reversed())
            case ("content", .null) where isAssistant && !messages[index].callsTools:
                members[place].value = .string(marked("", index, marksEmpty: true))
            case ("content", .array(let parts)): members[place].value = .array(parts.map { marked(part: $0, index) })
            case (ChatMessage.reasoningKey, .string(let text)) where isAssistant:
                members[place].value = .string(marked(text, index, mustShow: false))
            case ("tool_calls", .array(let calls)) where isAssistant:
                members[place].value = .array(calls.map { marked(call: $0, index) })
            default: break
            }
        }
        messages[index] = ChatMessage(.object(members))
    }

    private mutating func marked(part: JSONValue, _ turn: Int) -> JSONValue {
        if let text = part.string { return .string(marked(text, turn)) }
        return Self.replacing("text", in: part) { marked($0, turn) }
    }

    private mutating func marked(call: JSONValue, _ turn: Int) -> JSONValue {
        guard case .object(var members) = call else { return call }
        if let place = members.firstIndex(where: { $0.key == "function" }), case .object = members[place].value {
            members[place].value = Self.replacing("name", in: members[place].value) {
                marked($0, turn, mustShow: false)
            }
            return .object(members)
        }
        return Self.replacing("name", in: call) { marked($0, turn, mustShow: false) }
    }

    private static func replacing(_ key: String, in value: JSONValue, by change: (String) -> String) -> JSONValue {
        guard case .object(var members) = value else { return value }
        for place in members.indices where members[place].key == key {
            if case .string(let text) = members[place].value { members[place].value = .string(change(text)) }
        }
        return .object(members)
    }

    /// - Parameter marksEmpty: a text without words gets a mark too.
    private mutating func marked(
        _ text: String, _ turn: Int, mustShow: Bool = true, marksEmpty: Bool = false
    ) -> String {
        let bytes = Array(text.utf8)
        var words = bytes[...]
        while let last = words.last, Self.isSpace(last) { words.removeLast() }
        var output: [UInt8] = []
        var place = 0
        let first = marks.count
        var endsWithTag = false
        while place < words.endIndex {
            let tag = Self.tag(in: words, at: place)
            if let tag {
                output += words[place..<tag]
                if Self.endsThoughts(words[place..<tag]) {
                    for index in first..<marks.count { marks[index].mustShow = false }
                }
                place = tag
                endsWithTag = true
                continue
            }
            var end = place
            while end < words.endIndex, end == place || Self.tag(in: words, at: end) == nil { end += 1 }
            var core = words[place..<end]
            while let byte = core.first, Self.isSpace(byte) { core.removeFirst() }
            while let byte = core.last, Self.isSpace(byte) { core.removeLast() }
            output += words[place..<core.startIndex]
            if !core.isEmpty {
                output += add(Mark(turn: turn, text: Array(core), mustShow: mustShow))
                endsWithTag = false
            }
            output += words[core.endIndex..<end]
            place = end
        }
        // So that what the template writes behind the turn starts behind a mark.
        if endsWithTag || words.isEmpty && marksEmpty { output += add(Mark(turn: turn, text: [], mustShow: false)) }
        return String(decoding: output + bytes[words.endIndex...], as: UTF8.self)
    }

    private mutating func add(_ mark: Mark) -> [UInt8] {
        marks.append(mark)
        return prefix + Array("\(marks.count - 1)q".utf8)
    }

    /// Where a tag ends that starts at a place: `<think>`, `<|im_end|>`, `[THINK]`, `/no_think`.
    private static func tag(in text: ArraySlice<UInt8>, at place: Int) -> Int? {
        func end(_ close: UInt8, _ isPart: (UInt8) -> Bool) -> Int? {
            var end = place + 1
            while end < text.endIndex, end < place + 64, text[end] != close, isPart(text[end]) { end += 1 }
            return end < text.endIndex && text[end] == close && end > place + 1 ? end + 1 : nil
        }
        switch text[place] {
        case UInt8(ascii: "<"): return end(UInt8(ascii: ">")) { !isSpace($0) && $0 != UInt8(ascii: "<") }
        case UInt8(ascii: "["):
            return end(UInt8(ascii: "]")) {
                (0x41...0x5A).contains($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "/")
            }
        case UInt8(ascii: "/"):
            guard place == text.startIndex || isSpace(text[place - 1]) else { return nil }
            var end = place + 1
            while end < text.endIndex, (0x61...0x7A).contains(text[end]) || text[end] == UInt8(ascii: "_") { end += 1 }
            return end > place + 1 && (end == text.endIndex || isSpace(text[end])) ? end : nil
        default: return nil
        }
    }

    private static func endsThoughts(_ tag: ArraySlice<UInt8>) -> Bool {
        let lower = tag.map(lowercase)
        return lower.dropFirst().first == UInt8(ascii: "/")
            && ["think", "thought", "reason"].contains { TextBytes.find(Array($0.utf8), in: lower, from: 0) != nil }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    // MARK: Reading

    /// A mark in a rendered text.
    struct Occurrence: Equatable {
        var mark: Int
        /// UTF-8 place.
        var range: Range<Int>
    }

    /// The marks in a text, in their order there.
    func occurrences(in text: [UInt8]) -> [Occurrence] {
        var found: [Occurrence] = []
        var place = 0
        while place < text.count {
            guard let range = mark(in: text, at: place) else {
                place += 1
                continue
            }
            found.append(range)
            place = range.range.upperBound
        }
        return found
    }

    private func mark(in text: [UInt8], at place: Int) -> Occurrence? {
        guard place + prefix.count < text.count else { return nil }
        for (offset, byte) in prefix.enumerated() where Self.lowercase(text[place + offset]) != byte { return nil }
        var end = place + prefix.count
        var index = 0
        while end < text.count, (0x30...0x39).contains(text[end]), index < marks.count {
            index = index * 10 + Int(text[end] - 0x30)
            end += 1
        }
        guard end > place + prefix.count, end < text.count, Self.lowercase(text[end]) == UInt8(ascii: "q"),
            index < marks.count
        else { return nil }
        return Occurrence(mark: index, range: place..<end + 1)
    }

    /// The first turn with words that a text does not show.
    func hiddenTurn(_ occurrences: [Occurrence]) -> Int? {
        let shown = Set(occurrences.map(\.mark))
        return marks.indices.first { marks[$0].mustShow && !shown.contains($0) }.map { marks[$0].turn }
    }

    /// Where the words of the marks are in the text of the conversation itself; nil when the two texts differ elsewhere.
    ///
    /// - Parameters:
    ///   - marked: the text of the marked conversation.
    ///   - text: of the conversation.
    func places(_ occurrences: [Occurrence], in marked: [UInt8], of text: [UInt8]) -> [Range<Int>]? {
        var places: [Range<Int>] = []
        var place = 0
        var done = 0
        for (index, occurrence) in occurrences.enumerated() {
            let gap = marked[done..<occurrence.range.lowerBound]
            guard Self.stands(gap, in: text, at: place) else { return nil }
            place += gap.count
            done = occurrence.range.upperBound
            let next = index + 1 < occurrences.count ? occurrences[index + 1].range.lowerBound : marked.count
            let words = marks[occurrence.mark].text
            let length = Self.forms.lazy.compactMap { form -> Int? in
                let written = form(words)
                return Self.stands(written[...], in: text, at: place)
                    && Self.stands(marked[done..<next], in: text, at: place + written.count) ? written.count : nil
            }.first
            // Words that are written in another way reach up to what follows them.
            let rest = index + 1 < occurrences.count ? marked[done..<next] : marked[done...]
            guard let length = length ?? Self.reach(rest, in: text, from: place, isLast: next == marked.count) else {
                return nil
            }
            places.append(place..<place + length)
            place += length
        }
        guard text.count - place == marked.count - done, Self.stands(marked[done...], in: text, at: place) else {
            return nil
        }
        return places
    }

    /// How templates write words: as they are, within JSON, or in letters of one size.
    private static let forms: [@Sendable ([UInt8]) -> [UInt8]] = [
        { $0 },
        { Array(JSONValue.string(String(decoding: $0, as: UTF8.self)).json.utf8.dropFirst().dropLast()) },
        { Array(String(decoding: $0, as: UTF8.self).uppercased().utf8) },
        { Array(String(decoding: $0, as: UTF8.self).lowercased().utf8) },
    ]

    /// How far it is to the text that follows words; nil when that is too short to be found for certain.
    private static func reach(_ rest: ArraySlice<UInt8>, in text: [UInt8], from place: Int, isLast: Bool) -> Int? {
        if isLast { return text.count - rest.count >= place ? text.count - rest.count - place : nil }
        guard rest.count >= 8 else { return nil }
        return TextBytes.find(Array(rest), in: text, from: place).map { $0 - place }
    }

    private static func stands(_ part: ArraySlice<UInt8>, in text: [UInt8], at place: Int) -> Bool {
        guard place + part.count <= text.count else { return false }
        return text[place..<place + part.count].elementsEqual(part)
    }
}
