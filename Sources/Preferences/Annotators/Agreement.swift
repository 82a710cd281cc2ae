/// How far annotators agree on the pairs that several of them judged, and what chance alone would give.
package struct Agreement: Sendable, Equatable {
    /// Pairs that were judged by two annotators or more.
    package var pairs = 0
    /// Votes on them.
    package var votes = 0
    /// Share of pairs of votes on the same answers with the same verdict.
    package var observed: Double?
    /// The same for verdicts drawn by chance from all verdicts on those pairs.
    package var chance: Double?
    /// The same among votes with a preference alone; chance is then one half.
    package var decisive: Double?
    /// Mean of Cohen's kappa over pairs of annotators, weighted by the cases that they share; nil for more than 200
    /// annotators.
    package var kappa: Double?
    /// By scale: nominal over verdicts, ordinal and interval over strengths from -3 to 3, in which "both bad" is 0 like a
    /// tie.
    package var alpha: [KrippendorffAlpha.Scale: Double] = [:]

    package init(_ votes: [Vote]) {
        let units = Self.units(votes)
        pairs = units.count
        self.votes = units.reduce(0) { $0 + $1.count }
        guard pairs > 0 else { return }
        (observed, decisive) = (Self.same(units) { _ in true }, Self.same(units, where: \.isDecisive))
        chance = Self.chance(units)
        kappa = Self.meanKappa(units)
        alpha[.nominal] = KrippendorffAlpha.alpha(units.map { $0.map(\.category) }, .nominal)
        for scale in [KrippendorffAlpha.Scale.ordinal, .interval] {
            alpha[scale] = KrippendorffAlpha.alpha(units.map { $0.map(\.strength) }, scale)
        }
    }

    fileprivate struct Opinion {
        var annotator: String
        var verdict: Verdict
        var strength: Double
        var category: Double {
            switch verdict {
            case .left: 0
            case .right: 1
            case .tie: 2
            case .bothBad: 3
            case .skip: 4
            }
        }
    }

    /// The last vote of each annotator on each pair; pairs with two annotators at least.
    private static func units(_ votes: [Vote]) -> [[Opinion]] {
        var units: [PairKey: [String: Opinion]] = [:]
        var order: [PairKey] = []
        for vote in votes {
            guard let strength = vote.orientedStrength else { continue }
            let key = PairKey(vote)
            if units[key] == nil { order.append(key) }
            units[key, default: [:]][vote.annotator] = Opinion(
                annotator: vote.annotator, verdict: vote.orientedVerdict, strength: strength)
        }
        return order.compactMap { key in
            units[key].flatMap { $0.count > 1 ? $0.values.sorted { $0.annotator < $1.annotator } : nil }
        }
    }

    private static func same(_ units: [[Opinion]], where isCounted: (Verdict) -> Bool) -> Double? {
        var (same, all) = (0, 0)
        for unit in units {
            var counts: [Verdict: Int] = [:]
            for opinion in unit where isCounted(opinion.verdict) { counts[opinion.verdict, default: 0] += 1 }
            let votes = counts.values.reduce(0, +)
            all += votes * (votes - 1) / 2
            same += counts.values.reduce(0) { $0 + $1 * ($1 - 1) / 2 }
        }
        return all > 0 ? Double(same) / Double(all) : nil
    }

    private static func chance(_ units: [[Opinion]]) -> Double? {
        let verdicts = units.joined().map(\.verdict)
        guard !verdicts.isEmpty else { return nil }
        return Verdict.allCases.reduce(0) { sum, verdict in
            let share = Double(verdicts.count { $0 == verdict }) / Double(verdicts.count)
            return sum + share * share
        }
    }

    private static let mostAnnotators = 200

    private static func meanKappa(_ units: [[Opinion]]) -> Double? {
        var cases: [[String]: [(Verdict, Verdict)]] = [:]
        // The pairs of a crowd are too many, and each shares too little.
        guard Set(units.joined().map(\.annotator)).count <= mostAnnotators else { return nil }
        for unit in units {
            for (index, opinion) in unit.enumerated() {
                for other in unit[(index + 1)...] {
                    cases[[opinion.annotator, other.annotator], default: []].append((opinion.verdict, other.verdict))
                }
            }
        }
        var (sum, weight) = (0.0, 0.0)
        for pairs in cases.values {
            guard let kappa = CohenKappa(pairs), let value = kappa.value else { continue }
            sum += value * Double(kappa.cases)
            weight += Double(kappa.cases)
        }
        return weight > 0 ? sum / weight : nil
    }
}

/// Ways to leave votes out before agreement is measured. Each raises agreement by choosing who agrees, so figures before
/// and after belong side by side.
package enum AgreementFilter {
    /// Of each pair the three votes that are closest together, and no pair on which these still differ by more than two
    /// steps: the filter of HelpSteer2-Preference (Wang et al. 2024).
    package static func closestThree(_ votes: [Vote]) -> [Vote] {
        var places: [PairKey: [(index: Int, strength: Double)]] = [:]
        for (index, vote) in votes.enumerated() {
            if let strength = vote.orientedStrength { places[PairKey(vote), default: []].append((index, strength)) }
        }
        var kept: Set<Int> = []
        for unit in places.values {
            let sorted = unit.sorted { ($0.strength, $0.index) < ($1.strength, $1.index) }
            let size = min(3, sorted.count)
            let windows = (0...(sorted.count - size)).map { sorted[$0..<$0 + size] }
            func width(_ window: ArraySlice<(index: Int, strength: Double)>) -> Double {
                (window.last?.strength ?? 0) - (window.first?.strength ?? 0)
            }
            guard let best = windows.min(by: { width($0) < width($1) }), width(best) <= 2 else { continue }
            kept.formUnion(best.map(\.index))
        }
        return votes.indices.filter { kept.contains($0) }.map { votes[$0] }
    }
}
