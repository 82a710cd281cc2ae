import Foundation

@testable import Tokenizers

/// The texts of the fixtures: scripts/fixtures/tokenizer_texts.py makes the same ones from the same seeds.
struct GeneratedTexts {
    private let words: [String]
    private let fragments: [String]

    init() throws {
        let json = try JSONParser.parse(try fixture("texts.json"), file: "texts.json")
        words = (json["words"]?.array ?? []).compactMap(\.string)
        fragments = (json["fragments"]?.array ?? []).compactMap(\.string)
    }

    func texts(seed: UInt64, count: Int) -> [String] {
        var random = SplitMix(state: seed)
        return (0..<count).map { _ in
            let length = 1 + random.below(12)
            return (0..<length).map { _ in fragment(&random) }.joined()
        }
    }

    private func fragment(_ random: inout SplitMix) -> String {
        let kind = random.below(20)
        if kind < 10 {
            var word = words[random.below(words.count)]
            let style = random.below(8)
            if style == 0 { word = word.uppercased() }
            if style == 1 { word = word.prefix(1).uppercased() + word.dropFirst() }
            return random.below(4) == 0 ? word : " " + word
        }
        if kind < 18 { return fragments[random.below(fragments.count)] }
        let value = random.below(kind == 18 ? 0x3000 : 0x110000)
        return String(Unicode.Scalar(UInt32(value)) ?? "\u{FFFD}")
    }

    static func idLists(seed: UInt64, count: Int, size: Int) -> [[Int32]] {
        var random = SplitMix(state: seed)
        return (0..<count).map { _ in
            let length = 1 + random.below(12)
            return (0..<length).map { _ in Int32(random.below(size)) }
        }
    }
}

/// Source: Steele et al., "Fast Splittable Pseudorandom Number Generators" (2014).
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}

/// One hash for each block of lists, as the fixture script writes them.
struct Digest {
    private var hash: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ value: UInt64) { hash = (hash ^ value) &* 0x100_0000_01B3 }

    mutating func close() { add(0xFFFF_FFFF) }

    var text: String {
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    static func blocks(_ lists: [[Int32]], of size: Int = 50) -> [String] {
        blocks(lists, of: size) { UInt64(UInt32(bitPattern: $0)) }
    }

    static func blocks(_ texts: [String], of size: Int = 50) -> [String] {
        blocks(texts.map { Array($0.utf8) }, of: size) { UInt64($0) }
    }

    private static func blocks<Value>(
        _ lists: [[Value]], of size: Int, _ number: (Value) -> UInt64
    ) -> [String] {
        stride(from: 0, to: lists.count, by: size).map { start in
            var digest = Digest()
            for list in lists[start..<min(start + size, lists.count)] {
                for value in list { digest.add(number(value)) }
                digest.close()
            }
            return digest.text
        }
    }
}

func fixture(_ name: String) throws -> [UInt8] {
    let folder = Bundle.module.resourceURL ?? Bundle.module.bundleURL
    return Array(try Data(contentsOf: folder.appendingPathComponent("Fixtures/\(name)")))
}
