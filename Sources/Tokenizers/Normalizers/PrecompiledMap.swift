internal import Foundation

/// SentencePiece's table of normalizations: a trie over bytes (a double array, as Darts lays it out) whose values are
/// places in a list of texts that end with a zero byte.
struct PrecompiledMap: Sendable {
    private let units: [UInt32]
    private let texts: [UInt8]
    /// Bytes of the longest replacement.
    let longestText: Int

    init(_ section: JSONSection) throws(TokenizerError) {
        try section.allow(["type", "precompiled_charsmap"])
        let base64 = try section.string("precompiled_charsmap")
        guard let data = Data(base64Encoded: base64) else {
            throw TokenizerError(.format, "\(section.path).precompiled_charsmap is not base64")
        }
        let bytes = Array(data)
        guard bytes.count >= 4 else {
            throw TokenizerError(.format, "\(section.path).precompiled_charsmap is cut short")
        }
        func unit(_ place: Int) -> UInt32 {
            UInt32(bytes[place]) | UInt32(bytes[place + 1]) << 8 | UInt32(bytes[place + 2]) << 16
                | UInt32(bytes[place + 3]) << 24
        }
        let size = Int(unit(0))
        guard size % 4 == 0, size > 0, size <= bytes.count - 4 else {
            throw TokenizerError(.format, "\(section.path).precompiled_charsmap is cut short")
        }
        units = stride(from: 4, to: 4 + size, by: 4).map(unit)
        texts = Array(bytes[(4 + size)...])
        longestText = texts.split(separator: 0).map(\.count).max() ?? 0
    }

    /// The reference looks up whole clusters of up to five bytes and takes the shortest entry that such a cluster
    /// starts with; only without one it goes by single characters. Models were trained with that, so it is kept.
    func apply(_ text: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.count)
        text.withUnsafeBufferPointer { bytes in
            var position = 0
            for character in String(decoding: bytes, as: UTF8.self) {
                let length = character.utf8.count
                if length < 6, append(bytes, position..<(position + length), to: &output) {
                    position += length
                    continue
                }
                let end = position + length
                while position < end {
                    let size = decodeScalar(bytes, position).length
                    let range = position..<min(position + size, end)
                    if !append(bytes, range, to: &output) { output.append(contentsOf: bytes[range]) }
                    position = range.upperBound
                }
            }
        }
        return output
    }

    /// Appends the replacement for the shortest entry that `bytes[range]` starts with; false if there is none.
    private func append(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, to output: inout [UInt8]) -> Bool {
        guard var unit = units.first else { return false }
        var node = Self.offset(unit)
        for byte in bytes[range] {
            if byte == 0 { return false }
            node ^= Int(byte)
            guard node < units.count else { return false }
            unit = units[node]
            if unit & 0x8000_00FF != UInt32(byte) { return false }
            node ^= Self.offset(unit)
            guard node < units.count else { return false }
            if unit >> 8 & 1 == 1 {
                let start = Int(units[node] & 0x7FFF_FFFF)
                guard start <= texts.count else { return false }
                let end = texts[start...].firstIndex(of: 0) ?? texts.count
                output += texts[start..<end]
                return true
            }
        }
        return false
    }

    private static func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & (1 << 9)) >> 6)) }
}
