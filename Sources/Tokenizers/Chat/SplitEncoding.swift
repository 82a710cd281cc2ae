/// The ids of a text that is encoded once, and where given places of the text lie among them.
struct SplitEncoding: Sendable, Equatable {
    /// How many ids lie wholly before a place of the text, and how many it takes to reach it. They differ when the place
    /// is within a token.
    struct Place: Sendable, Equatable {
        var before: Int
        var reaching: Int
    }

    var ids: [Int32] = []
    /// One for each place that was asked for, in the same order.
    var places: [Place] = []

    /// - Parameter splits: UTF-8 places in the text; those beyond it count as its end.
    init(_ text: String, at splits: [Int], _ tokenizer: Tokenizer) {
        let bytes = Array(text.utf8)
        places = splits.map { _ in Place(before: 0, reaching: 0) }
        for stretch in tokenizer.added.split(bytes, isNormalized: false) {
            let first = ids.count
            if let id = stretch.id { ids.append(id) } else { ids += tokenizer.encode(bytes, stretch.range) }
            // The last place where a token ends for certain.
            var done = (text: stretch.range.lowerBound, ids: first)
            for (index, split) in splits.enumerated() where split > stretch.range.lowerBound {
                if split >= stretch.range.upperBound {
                    places[index] = Place(before: ids.count, reaching: ids.count)
                } else if stretch.id != nil {
                    // The token may take white space with it, which is not what it is.
                    let token = bytes[stretch.range].prefix(split - stretch.range.lowerBound)
                    let isThere =
                        token.contains { !Self.isSpace($0) }
                        && bytes[split..<stretch.range.upperBound]
                            .allSatisfy(Self.isSpace)
                    places[index] = Place(before: isThere ? ids.count : first, reaching: ids.count)
                } else {
                    // From an earlier place on, so that a text of many turns is not encoded for each from its start.
                    if let near = Self.place(of: split, in: bytes, from: done, ids: ids[done.ids...], tokenizer) {
                        (places[index], done) = near
                        continue
                    }
                    let place = Self.place(of: split, in: bytes, stretch.range, ids: ids[first...], tokenizer)
                    places[index] = place
                    if place.before == place.reaching { done = (split, place.before) }
                }
            }
        }
    }

    /// The same from a place behind the start of the stretch where a token ends; with the next such place. Nil when the
    /// texts of the ids do not tell where each ends, as when a decoder changes white space.
    private static func place(
        of split: Int, in bytes: [UInt8], from done: (text: Int, ids: Int), ids: ArraySlice<Int32>,
        _ tokenizer: Tokenizer
    ) -> (Place, (text: Int, ids: Int))? {
        guard split >= done.text else { return nil }
        /// UTF-8 length of the text of ids from `done` on; nil when it is not what stands there.
        func length(_ end: Int) -> Int? {
            let text = Array(tokenizer.decode(Array(ids[..<end])).utf8)
            return bytes[done.text...].starts(with: text) ? text.count : nil
        }
        let part = tokenizer.encode(bytes, done.text..<split)
        var before = done.ids + zip(part, ids).prefix { $0 == $1 }.count
        // Tokens at the end of the part may be others than in the whole; many others are those of another text.
        guard var end = length(before), end <= split - done.text, split - done.text - end < 64 else { return nil }
        // A mark of white space at the start of a text has no text.
        guard before == done.ids || end > 0 else { return nil }
        while before < ids.endIndex, let next = length(before + 1), next <= split - done.text {
            guard next > end else { return nil }
            (before, end) = (before + 1, next)
        }
        let next = (text: done.text + end, ids: before)
        if end == split - done.text { return (Place(before: before, reaching: before), next) }
        guard before < ids.endIndex, let beyond = length(before + 1), beyond > split - done.text else { return nil }
        return (Place(before: before, reaching: before + 1), next)
    }

    /// A place within a stretch without added tokens. The ids that the part before it has by itself and within the whole
    /// alike are before it.
    private static func place(
        of split: Int, in bytes: [UInt8], _ range: Range<Int>, ids: ArraySlice<Int32>, _ tokenizer: Tokenizer
    ) -> Place {
        let alone = tokenizer.encode(bytes, range.lowerBound..<split)
        let common = zip(alone, ids).prefix { $0 == $1 }.count
        let before = ids.startIndex + common
        if common == alone.count { return Place(before: before, reaching: before) }
        let length = tokenizer.decode(alone).utf8.count
        var reaching = before
        while reaching < ids.endIndex, tokenizer.decode(Array(ids[..<reaching])).utf8.count < length { reaching += 1 }
        return Place(before: before, reaching: reaching)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}

/// Texts compared by their bytes, as Swift's own comparison takes equivalent characters for the same.
enum TextBytes {
    /// UTF-8 length of the common start of two texts, never within a character.
    static func commonStart(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var count = 0
        while count < a.count, count < b.count, a[count] == b[count] { count += 1 }
        while count > 0, count < a.count, a[count] & 0xC0 == 0x80 { count -= 1 }
        return count
    }

    /// UTF-8 length of the common end of two texts, never within a character.
    static func commonEnd(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var count = 0
        while count < a.count, count < b.count, a[a.count - 1 - count] == b[b.count - 1 - count] { count += 1 }
        while count > 0, a[a.count - count] & 0xC0 == 0x80 { count -= 1 }
        return count
    }

    /// Where a text starts within another, from a place on.
    static func find(_ needle: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard !needle.isEmpty, bytes.count >= needle.count, start >= 0 else { return nil }
        var place = start
        while place + needle.count <= bytes.count {
            if bytes[place] == needle[0], bytes[place..<place + needle.count].elementsEqual(needle) { return place }
            place += 1
        }
        return nil
    }

    /// The last place where a text starts within another.
    static func findLast(_ needle: [UInt8], in bytes: [UInt8]) -> Int? {
        var found: Int?
        while let next = find(needle, in: bytes, from: found.map { $0 + 1 } ?? 0) { found = next }
        return found
    }

    static func isBlank(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) }
    }
}
