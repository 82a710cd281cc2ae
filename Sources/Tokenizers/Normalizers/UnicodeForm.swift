/// The four normalization forms. Source: Unicode Standard Annex 15 and chapter 3.11 of the standard.
enum UnicodeForm: String, Sendable {
    case nfc = "NFC"
    case nfd = "NFD"
    case nfkc = "NFKC"
    case nfkd = "NFKD"

    func apply(_ text: [UInt8]) -> [UInt8] {
        // ASCII is the same in every form.
        if text.allSatisfy({ $0 < 0x80 }) { return text }
        var buffer = decomposed(text)
        if self == .nfc || self == .nfkc { Self.compose(&buffer) }
        var output: [UInt8] = []
        output.reserveCapacity(text.count)
        for entry in buffer {
            if entry.scalar.value < 0x80 {
                output.append(UInt8(truncatingIfNeeded: entry.scalar.value))
            } else {
                output.append(contentsOf: UTF8.encode(entry.scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        return output
    }

    private typealias Entry = NormalizationData.Entry

    private func decomposed(_ text: [UInt8]) -> [Entry] {
        let table = self == .nfc || self == .nfd ? NormalizationData.canonical : NormalizationData.compatibility
        var buffer: [Entry] = []
        buffer.reserveCapacity(text.count)
        // Where the run of characters that are no starters begins.
        var run = 0
        func append(_ entry: Entry) {
            if entry.combiningClass == 0 {
                Self.sort(&buffer, from: run)
                run = buffer.count + 1
            }
            buffer.append(entry)
        }
        text.withUnsafeBufferPointer { bytes in
            var position = 0
            while position < bytes.count {
                let (scalar, length) = decodeScalar(bytes, position)
                position += length
                if let parts = scalar.value < 0xA0 ? nil : table[scalar.value] {
                    for part in parts { append(part) }
                } else if let parts = Hangul.decompose(scalar.value) {
                    for part in parts.compactMap(Unicode.Scalar.init) { append(Entry(part)) }
                } else {
                    append(Entry(scalar))
                }
            }
        }
        Self.sort(&buffer, from: run)
        return buffer
    }

    /// Orders a run of marks by class and leaves equal ones as they are; by counting, so a run may be long.
    private static func sort(_ buffer: inout [Entry], from start: Int) {
        guard buffer.count - start > 1 else { return }
        var isSorted = true
        for index in (start + 1)..<buffer.count
        where buffer[index].combiningClass < buffer[index - 1].combiningClass { isSorted = false }
        if isSorted { return }
        var groups = [[Entry]](repeating: [], count: 256)
        for entry in buffer[start...] { groups[Int(entry.combiningClass)].append(entry) }
        buffer.replaceSubrange(start..., with: groups.joined())
    }

    private static func compose(_ buffer: inout [Entry]) {
        let compositions = NormalizationData.compositions
        var output = 0
        // The last starter, and the class of the last character kept behind it.
        var starter = -1
        var lastClass: UInt8 = 0
        for index in buffer.indices {
            let entry = buffer[index]
            let isAdjacent = starter == output - 1
            if starter >= 0, isAdjacent || (lastClass != 0 && lastClass < entry.combiningClass) {
                let first = buffer[starter].scalar.value
                let composite =
                    Hangul.compose(first, entry.scalar.value)
                    ?? compositions[NormalizationData.key(first, entry.scalar.value)]
                if let composite = composite.flatMap(Unicode.Scalar.init) {
                    buffer[starter].scalar = composite
                    continue
                }
            }
            if entry.combiningClass == 0 { starter = output }
            lastClass = entry.combiningClass
            buffer[output] = entry
            output += 1
        }
        buffer.removeLast(buffer.count - output)
    }
}

/// Korean syllables are computed, not listed (section 3.12 of the standard).
private enum Hangul {
    private static let syllables: UInt32 = 0xAC00
    private static let leading: UInt32 = 0x1100
    private static let vowel: UInt32 = 0x1161
    private static let trailing: UInt32 = 0x11A7

    static func decompose(_ value: UInt32) -> [UInt32]? {
        guard value >= syllables, value < syllables + 11172 else { return nil }
        let index = value - syllables
        let pair = [leading + index / 588, vowel + index % 588 / 28]
        return index % 28 == 0 ? pair : pair + [trailing + index % 28]
    }

    static func compose(_ first: UInt32, _ second: UInt32) -> UInt32? {
        if first >= leading, first < leading + 19, second >= vowel, second < vowel + 21 {
            return syllables + ((first - leading) * 21 + (second - vowel)) * 28
        }
        if first >= syllables, first < syllables + 11172, (first - syllables) % 28 == 0, second > trailing,
            second < trailing + 28
        {
            return first + (second - trailing)
        }
        return nil
    }
}
