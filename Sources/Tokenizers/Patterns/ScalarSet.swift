/// A set of Unicode scalars as patterns write them: categories, ranges, word characters, and unions, intersections and
/// complements of these.
indirect enum ScalarSet: Sendable {
    case categories(UInt32)
    case range(UInt32, UInt32)
    /// `\w`: alphabetic, marks, decimal numbers and connector punctuation.
    case word
    case union([ScalarSet])
    case intersection(ScalarSet, ScalarSet)
    case complement(ScalarSet)

    /// `\s`: the property White_Space.
    static let space = ScalarSet.union([
        .range(9, 13), .range(0x20, 0x20), .range(0x85, 0x85), .range(0xA0, 0xA0), .range(0x1680, 0x1680),
        .range(0x2000, 0x200A), .range(0x2028, 0x2029), .range(0x202F, 0x202F), .range(0x205F, 0x205F),
        .range(0x3000, 0x3000),
    ])

    static func scalar(_ value: UInt32) -> ScalarSet { .range(value, value) }

    /// - Parameters:
    ///   - category: the index of the scalar's category.
    ///   - isWord: whether `\w` holds for it.
    func contains(_ value: UInt32, category: Int, isWord: Bool) -> Bool {
        switch self {
        case .categories(let mask): mask & (1 << UInt32(category)) != 0
        case .range(let low, let high): low <= value && value <= high
        case .word: isWord
        case .union(let sets): sets.contains { $0.contains(value, category: category, isWord: isWord) }
        case .intersection(let left, let right):
            left.contains(value, category: category, isWord: isWord)
                && right.contains(value, category: category, isWord: isWord)
        case .complement(let set): !set.contains(value, category: category, isWord: isWord)
        }
    }

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        contains(scalar.value, category: Category.index(scalar), isWord: usesWord && Category.isWord(scalar))
    }

    var usesWord: Bool {
        switch self {
        case .word: true
        case .categories, .range: false
        case .union(let sets): sets.contains { $0.usesWord }
        case .intersection(let left, let right): left.usesWord || right.usesWord
        case .complement(let set): set.usesWord
        }
    }

    /// Ranges, categories and words in it.
    var parts: Int {
        switch self {
        case .categories, .range, .word: 1
        case .union(let sets): sets.reduce(0) { $0 + $1.parts }
        case .intersection(let left, let right): left.parts + right.parts
        case .complement(let set): set.parts
        }
    }

    /// Adds the first scalar of every stretch over which the ranges of this set do not change.
    func collectBoundaries(_ boundaries: inout Set<UInt32>) {
        switch self {
        case .categories, .word: break
        case .range(let low, let high):
            boundaries.insert(low)
            boundaries.insert(high + 1)
        case .union(let sets): for set in sets { set.collectBoundaries(&boundaries) }
        case .intersection(let left, let right):
            left.collectBoundaries(&boundaries)
            right.collectBoundaries(&boundaries)
        case .complement(let set): set.collectBoundaries(&boundaries)
        }
    }

    /// A literal under `(?i:`: the scalar and those that differ from it only in case, by simple case folding.
    static func caseVariants(_ value: UInt32) -> ScalarSet {
        guard let scalar = Unicode.Scalar(value) else { return .scalar(value) }
        var values: Set<UInt32> = [value]
        var pending = [scalar]
        while let next = pending.popLast() {
            let properties = next.properties
            for mapping in [properties.lowercaseMapping, properties.uppercaseMapping, properties.titlecaseMapping] {
                guard let only = mapping.unicodeScalars.first, mapping.unicodeScalars.count == 1 else { continue }
                if values.insert(only.value).inserted { pending.append(only) }
            }
        }
        // Letters that no mapping of the common ones leads to.
        for (letter, variant) in [(0x73, 0x17F), (0x6B, 0x212A), (0xE5, 0x212B), (0x3C3, 0x3C2), (0x3C9, 0x2126)] {
            if values.contains(UInt32(letter)) { values.insert(UInt32(variant)) }
        }
        return values.count == 1 ? .scalar(value) : .union(values.sorted().map { .scalar($0) })
    }
}
