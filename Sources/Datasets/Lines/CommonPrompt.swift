/// The prompt that two answers hold in them, as in Anthropic's pairs: `"\n\nHuman: ...\n\nAssistant: ..."`.
enum CommonPrompt {
    /// Words behind which an answer starts.
    private static let marks = [
        "\n\nAssistant:", "\nAssistant:", "\n\nassistant:", "\n\nBot:", "\n\nAI:", "\n### Response:",
    ]
    .map { Array($0.utf8) }

    /// UTF-8 length of the prompt at the start of both: up to the last mark of an assistant's turn that both have, else
    /// their common start, but for a word that they only begin alike and the space before it.
    static func length(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        var common = 0
        while common < min(a.count, b.count), a[common] == b[common] { common += 1 }
        if let marked = lastMark(a[..<common]) { return marked }
        var end = common
        // Both may be within a word.
        let goesOn = [a, b].contains { common < $0.count && !isSpace($0[common]) }
        if goesOn { while end > 0, !isSpace(a[end - 1]) { end -= 1 } }
        while end > 0, a[end - 1] == 0x20 { end -= 1 }
        return end
    }

    private static func lastMark(_ bytes: ArraySlice<UInt8>) -> Int? {
        marks.compactMap { mark -> Int? in
            var end = bytes.count
            while end >= mark.count {
                if bytes[end - mark.count..<end].elementsEqual(mark) { return end }
                end -= 1
            }
            return nil
        }.max()
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
