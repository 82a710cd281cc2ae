import Foundation

/// What can be counted about one annotator, without a model.
package struct AnnotatorFacts: Sendable, Equatable {
    package var name: String
    package var votes = 0
    package var skips = 0
    /// Verdicts other than skips.
    package var verdicts: [Verdict: Int] = [:]
    /// Preferences on control questions, and how many of them were right.
    package var gold = 0
    package var goldRight = 0
    /// How often the longer answer is preferred.
    package var length: LengthPreference
    /// Median of the visible seconds of a vote; nil where no time was recorded.
    package var medianSeconds: Double?
    /// Votes that came faster than anybody reads: more than 60 characters of answers a second.
    package var tooFast = 0
    /// Votes with time and texts, of which ``tooFast`` is a part.
    package var timed = 0
    /// Sum of the visible seconds without idle ones, skips included: the time to be paid.
    package var payableSeconds = 0.0
    /// Votes without a time, which the sum lacks.
    package var untimed = 0
    /// Share of preferences that agree with those of others on the same pairs: in the first half by time, and the second.
    package var agreementEarly: SharePart?
    package var agreementLate: SharePart?

    package struct SharePart: Sendable, Equatable {
        package var agreeing: Int
        package var all: Int
        package var rate: Double { Double(agreeing) / Double(max(1, all)) }
    }

    /// Preferences for each side, where the order shown is known.
    package var left = 0
    package var right = 0

    /// Whether his sources kept their sides: a baseline that is always on the left looks like a habit.
    package var areSidesFixed = false

    /// Share of preferences for the left side; nil without preferences on sides that are known.
    package var leftShare: Double? { left + right > 0 ? Double(left) / Double(left + right) : nil }

    /// Standard errors between the agreement early and late; beyond 3 the annotator changed.
    package var drift: Double? {
        guard let early = agreementEarly, let late = agreementLate, early.all >= 10, late.all >= 10 else { return nil }
        let pooled = Double(early.agreeing + late.agreeing) / Double(early.all + late.all)
        let error = (pooled * (1 - pooled) * (1 / Double(early.all) + 1 / Double(late.all))).squareRoot()
        return error > 0 ? (late.rate - early.rate) / error : 0
    }

    private static let charactersASecond = 60.0

    /// Facts of all annotators, by name.
    package static func all(_ votes: [Vote]) -> [AnnotatorFacts] {
        let others = Majority(votes)
        return Dictionary(grouping: votes, by: \.annotator).map { name, own in
            AnnotatorFacts(name, own, others: others)
        }.sorted { $0.name < $1.name }
    }

    private init(_ name: String, _ own: [Vote], others: Majority) {
        self.name = name
        length = LengthPreference(own)
        areSidesFixed = Self.areSidesFixed(own)
        var seconds: [Double] = []
        for vote in own {
            if let time = vote.seconds {
                payableSeconds += time
                if vote.verdict != .skip { seconds.append(time) }
            } else if vote.ranking == nil {
                // The time of a ranking stands in the first of its votes.
                untimed += 1
            }
            guard vote.verdict != .skip else {
                skips += 1
                continue
            }
            votes += 1
            verdicts[vote.verdict, default: 0] += 1
            if vote.isOrderKnown, vote.verdict == .left { left += 1 }
            if vote.isOrderKnown, vote.verdict == .right { right += 1 }
            if vote.isGold, let expected = vote.expected {
                gold += 1
                if expected == vote.verdict { goldRight += 1 }
            }
            let characters = vote.left.text.unicodeScalars.count + vote.right.text.unicodeScalars.count
            if let time = vote.seconds, characters > 0 {
                timed += 1
                if time * Self.charactersASecond < Double(characters) { tooFast += 1 }
            }
        }
        seconds.sort()
        medianSeconds = seconds.isEmpty ? nil : seconds[seconds.count / 2]
        let ordered = own.enumerated().sorted { a, b in
            let (first, second) = (a.element.votedAt ?? .distantPast, b.element.votedAt ?? .distantPast)
            return first != second ? first < second : a.offset < b.offset
        }.map(\.element)
        let agreements = ordered.compactMap { others.agrees($0) }
        guard agreements.count >= 2 else { return }
        let half = agreements.count / 2
        agreementEarly = Self.part(agreements[..<half])
        agreementLate = Self.part(agreements[half...])
    }

    /// Where sides are shuffled, sources are on their rarer side in nearly half of the votes.
    private static func areSidesFixed(_ votes: [Vote]) -> Bool {
        var sides: [String: (left: Int, right: Int)] = [:]
        for vote in votes where vote.isOrderKnown {
            guard let left = vote.left.source, let right = vote.right.source, left != right else { continue }
            sides[left, default: (0, 0)].left += 1
            sides[right, default: (0, 0)].right += 1
        }
        let all = sides.values.reduce(0) { $0 + $1.left + $1.right }
        let rarer = sides.values.reduce(0) { $0 + min($1.left, $1.right) }
        return all >= 2 * ExclusionProposal.fewestVotes && rarer * 10 < all
    }

    /// Standard deviations by which the preferences agree with others' more often than chance; nil for fewer than 20.
    package var agreementBeyondChance: Double? {
        let (agreeing, all) = (
            (agreementEarly?.agreeing ?? 0) + (agreementLate?.agreeing ?? 0),
            (agreementEarly?.all ?? 0) + (agreementLate?.all ?? 0)
        )
        return Self.beyondChance(agreeing, all)
    }

    /// The same for control questions.
    package var goldBeyondChance: Double? { Self.beyondChance(goldRight, gold) }

    private static func beyondChance(_ part: Int, _ all: Int) -> Double? {
        all >= ExclusionProposal.fewestVotes
            ? (Double(part) - Double(all) / 2) / (Double(all) / 4).squareRoot() : nil
    }

    private static func part(_ agreements: ArraySlice<Bool>) -> SharePart {
        SharePart(agreeing: agreements.count { $0 }, all: agreements.count)
    }
}

/// What annotators prefer on each pair.
struct Majority {
    /// Preferences for the first answer less those for the second, by annotator.
    private var sums: [PairKey: [String: Int]] = [:]
    /// Annotators who prefer the first answer less those who prefer the second.
    private var nets: [PairKey: Int] = [:]

    init(_ votes: [Vote]) {
        for vote in votes {
            switch vote.orientedVerdict {
            case .left: sums[PairKey(vote), default: [:]][vote.annotator, default: 0] += 1
            case .right: sums[PairKey(vote), default: [:]][vote.annotator, default: 0] -= 1
            case .tie, .bothBad, .skip: break
            }
        }
        nets = sums.mapValues { $0.values.reduce(0) { $0 + $1.signum() } }
    }

    /// Whether a preference is that of most others; nil where there are none, or as many for one as for the other.
    func agrees(_ vote: Vote) -> Bool? {
        let pair = PairKey(vote)
        guard vote.verdict.isDecisive, let net = nets[pair] else { return nil }
        let others = net - (sums[pair]?[vote.annotator]?.signum() ?? 0)
        return others == 0 ? nil : (others > 0) == (vote.orientedVerdict == .left)
    }
}
