/// The partition of all scalars into classes that a list of sets cannot tell apart further.
struct ScalarClasses {
    private(set) var ascii: [UInt16] = []
    private(set) var boundaries: [UInt32] = []
    /// Class by (stretch, category, word bit).
    private(set) var other: [UInt16] = []
    let usesWord: Bool
    /// For each class, which sets hold.
    private(set) var memberships: [[Bool]] = []

    init(_ sets: [ScalarSet], source: String) throws(TokenizerError) {
        var edges: Set<UInt32> = [0]
        for set in sets { set.collectBoundaries(&edges) }
        // Bounds the work below, which is a product of these.
        let parts = sets.reduce(0) { $0 + $1.parts }
        if edges.count * max(1, sets.count) > 200_000 || edges.count * parts > 1_000_000 {
            throw TokenizerError(.unsupported, "pattern \(source.debugDescription) is too long")
        }
        usesWord = sets.contains { $0.usesWord }
        var known: [[Bool]: UInt16] = [:]
        var memberships: [[Bool]] = []
        func classOf(_ value: UInt32, _ category: Int, _ isWord: Bool) -> UInt16 {
            let key = sets.map { $0.contains(value, category: category, isWord: isWord) }
            if let index = known[key] { return index }
            let index = UInt16(truncatingIfNeeded: memberships.count)
            known[key] = index
            memberships.append(key)
            return index
        }
        for value in UInt8(0)..<128 {
            let scalar = Unicode.Scalar(value)
            ascii.append(classOf(UInt32(value), Category.index(scalar), Category.isWord(scalar)))
        }
        boundaries = edges.sorted()
        for start in boundaries {
            for category in 0..<Category.count {
                other.append(classOf(start, category, false))
                other.append(classOf(start, category, true))
            }
        }
        self.memberships = memberships
    }
}
