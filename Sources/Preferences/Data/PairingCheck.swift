/// Who was compared with whom, by whom, on which side.
struct PairingCheck {
    private let table: BattleTable
    private let pairs: Set<Pair>
    /// Few items of which every pair has one; empty when there are no such items.
    private let hubs: [Int]

    private struct Pair: Hashable {
        var low: Int
        var high: Int
    }

    private static let mostHubs = 4

    init(_ table: BattleTable) {
        self.table = table
        pairs = Set(table.battles.map { Pair(low: min($0.left, $0.right), high: max($0.left, $0.right)) })
        hubs = Self.hubs(pairs)
    }

    private static func hubs(_ pairs: Set<Pair>) -> [Int] {
        var left = pairs
        var hubs: [Int] = []
        var items: Set<Int> = []
        for pair in pairs { items.formUnion([pair.low, pair.high]) }
        while !left.isEmpty {
            var degrees: [Int: Int] = [:]
            for pair in left {
                degrees[pair.low, default: 0] += 1
                degrees[pair.high, default: 0] += 1
            }
            guard hubs.count < mostHubs,
                let hub = degrees.max(by: { ($0.value, $1.key) < ($1.value, $0.key) })?.key
            else { return [] }
            hubs.append(hub)
            left = left.filter { $0.low != hub && $0.high != hub }
        }
        // In a small field every item is a hub; a star has many more points than centres.
        return items.count >= 4 * hubs.count && items.count > 4 ? hubs : []
    }

    var stars: DataFinding? {
        guard !hubs.isEmpty else { return nil }
        let names = hubs.map { table.items[$0] }.joined(separator: ", ")
        let shape = hubs.count == 1 ? "a star" : "\(Self.word(hubs.count)) stars"
        var text = "All \(pairs.count) pairs of sources include one of \(names): \(shape)."
        if hubs.count > 1 {
            let centres = Set(hubs)
            var met: [Int: Set<Int>] = [:]
            for pair in pairs {
                if centres.contains(pair.low) { met[pair.high, default: []].insert(pair.low) }
                if centres.contains(pair.high) { met[pair.low, default: []].insert(pair.high) }
            }
            let linked = met.count { !centres.contains($0.key) && $0.value.count > 1 }
            text += " \(linked) sources have met more than one of them."
        }
        return DataFinding(.stars, text + " No two other sources were compared directly.")
    }

    /// Annotators each of whom judged battles with one and the same hub, but for a few.
    func nested(_ votes: [Vote]) -> DataFinding? {
        guard hubs.count > 1 else { return nil }
        var battles: [String: Int] = [:]
        var met: [String: [Int: Int]] = [:]
        for (battle, origin) in zip(table.battles, table.origins) {
            let annotator = votes[origin].annotator
            battles[annotator, default: 0] += 1
            for hub in hubs where hub == battle.left || hub == battle.right {
                met[annotator, default: [:]][hub, default: 0] += 1
            }
        }
        var own: [String: Int] = [:]
        for (annotator, count) in battles {
            let constant = met[annotator]?.filter { $0.value * 50 >= count * 49 }.max { $0.value < $1.value }
            if let hub = constant?.key { own[annotator] = hub }
        }
        guard own.count * 5 >= battles.count * 4, Set(own.values).count > 1 else { return nil }
        let parts = hubs.map { hub in "\(own.values.count { $0 == hub }) with \(table.items[hub])" }
        return DataFinding(
            .nested,
            "\(own.count) of \(battles.count) annotators judged battles with one baseline alone "
                + "(\(parts.joined(separator: ", "))), so annotators are nested in baselines: how baselines differ cannot be "
                + "told from how annotators differ. Rate them apart (--each-annotator).")
    }

    /// Items that were always, or nearly, on one side, where the order shown is known.
    func fixedSide(_ votes: [Vote]) -> DataFinding? {
        var sides = [(left: Int, right: Int)](repeating: (0, 0), count: table.items.count)
        for (battle, origin) in zip(table.battles, table.origins) where votes[origin].isOrderKnown {
            sides[battle.left].left += 1
            sides[battle.right].right += 1
        }
        let fixed = sides.indices.filter { item in
            let (left, right) = sides[item]
            return left + right >= 20 && min(left, right) * 50 <= left + right
        }
        guard !fixed.isEmpty else { return nil }
        let known = hubs.filter { fixed.contains($0) }
        let words = known.map { item in
            let (left, right) = sides[item]
            let (side, count) = left > right ? ("left", left) : ("right", right)
            return "\(table.items[item]) \(side) in \(count) of \(left + right)"
        }
        let baselines = words.isEmpty ? "" : " The baselines: \(words.joined(separator: ", "))."
        return DataFinding(
            .fixedSide,
            "\(fixed.count) of \(table.items.count) sources were shown on one side in 98 % of their battles or more."
                + "\(baselines) A habit of preferring a side cannot be told from quality.")
    }

    private static func word(_ count: Int) -> String { ["no", "one", "two", "three", "four"][min(count, 4)] }
}
