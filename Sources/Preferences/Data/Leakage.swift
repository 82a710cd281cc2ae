/// Prompts and sessions that stand in more than one split: what is measured there is memory.
package struct Leakage: Sendable, Equatable {
    /// Prompts in several splits, with the splits.
    package private(set) var prompts: [(prompt: String, splits: [String])] = []
    package private(set) var sessions: [(session: String, splits: [String])] = []
    /// Votes of the splits, by name.
    package private(set) var sizes: [String: Int] = [:]

    package init(_ votes: [Vote]) {
        var byPrompt: [String: Set<String>] = [:]
        var bySession: [String: Set<String>] = [:]
        for vote in votes {
            guard let split = vote.split else { continue }
            sizes[split, default: 0] += 1
            byPrompt[vote.promptID, default: []].insert(split)
            if let session = vote.session { bySession[session, default: []].insert(split) }
        }
        prompts = Self.shared(byPrompt).map { (prompt: $0, splits: $1) }
        sessions = Self.shared(bySession).map { (session: $0, splits: $1) }
    }

    private static func shared(_ names: [String: Set<String>]) -> [(String, [String])] {
        names.filter { $0.value.count > 1 }.map { ($0.key, $0.value.sorted()) }.sorted { $0.0 < $1.0 }
    }

    package static func == (a: Leakage, b: Leakage) -> Bool {
        a.sizes == b.sizes && a.prompts.elementsEqual(b.prompts, by: { $0 == $1 })
            && a.sessions.elementsEqual(b.sessions, by: { $0 == $1 })
    }
}

/// Divides votes so that nothing that shares a prompt or a session is on both sides.
package enum HoldOut {
    package static let (training, test) = ("train", "test")

    /// Sets the split of every vote. Groups, which are joined by prompts and sessions, go to the test split by a hash of
    /// their first prompt, so the same data give the same division whatever their order, and more data move nothing
    /// unless they join groups.
    ///
    /// - Parameter share: of the groups in the test split, 0 to 1.
    package static func assign(_ votes: inout [Vote], share: Double, seed: UInt64 = 1) {
        var groups = UnionFind()
        for vote in votes {
            let prompt = groups.place("p" + vote.promptID)
            if let session = vote.session { groups.join(prompt, groups.place("s" + session)) }
        }
        var first: [Int: String] = [:]
        for vote in votes {
            let root = groups.root(groups.place("p" + vote.promptID))
            first[root] = min(first[root] ?? vote.promptID, vote.promptID)
        }
        for index in votes.indices {
            let root = groups.root(groups.place("p" + votes[index].promptID))
            var random = SplitMix(StableHash.of(first[root] ?? "") ^ seed)
            votes[index].split = random.uniform() < share ? test : training
        }
    }
}

/// Sets that grow together.
private struct UnionFind {
    private var places: [String: Int] = [:]
    private var parents: [Int] = []

    mutating func place(_ name: String) -> Int {
        if let place = places[name] { return place }
        places[name] = parents.count
        parents.append(parents.count)
        return parents.count - 1
    }

    mutating func root(_ place: Int) -> Int {
        var place = place
        while parents[place] != place {
            parents[place] = parents[parents[place]]
            place = parents[place]
        }
        return place
    }

    mutating func join(_ a: Int, _ b: Int) {
        let (a, b) = (root(a), root(b))
        parents[max(a, b)] = min(a, b)
    }
}

/// A hash that is the same in every process, for names of texts; it protects nothing.
package enum StableHash {
    /// FNV-1a of 64 bits (Fowler, Noll and Vo).
    package static func of(_ text: String) -> UInt64 {
        text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    /// 16 hexadecimal digits.
    package static func name(_ text: String) -> String {
        let digits = String(of(text), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
