import Foundation
import Preferences
import Testing

@Suite struct AnnotatorTests {
    private static let seeds = (1...20).map { UInt64($0) }

    /// What is proposed for each planted annotator, over twenty seeds.
    private struct Outcome {
        var seedsAllNamed = 0
        var seedsWithoutExpert = 0
        var seedsWithRightReasons = 0
        var majority = 0.0
        var model = 0.0
        var seedsBetterThanMajority = 0
    }

    private func run(gold: Double) throws -> Outcome {
        var outcome = Outcome()
        let reasons: [SyntheticAnnotators.Kind: ExclusionProposal.Reason] = [
            .alwaysLeft: .oneSide, .random: .random, .adversarial: .adversarial,
        ]
        for seed in Self.seeds {
            let people = SyntheticAnnotators(seed: seed, gold: gold)
            let data = try #require(Opinions(people.votes))
            let model = AnnotatorModel(data)
            let proposals = ExclusionProposal.find(AnnotatorFacts.all(people.votes), model)
            let named = Dictionary(uniqueKeysWithValues: proposals.map { ($0.annotator, $0.reason) })
            let planted = people.kinds.indices.filter { reasons[people.kinds[$0]] != nil }
            let experts = people.kinds.indices.filter { people.kinds[$0] == .expert }
            if planted.allSatisfy({ named[SyntheticAnnotators.name($0)] != nil }) { outcome.seedsAllNamed += 1 }
            if experts.allSatisfy({ named[SyntheticAnnotators.name($0)] == nil }) { outcome.seedsWithoutExpert += 1 }
            if planted.allSatisfy({ named[SyntheticAnnotators.name($0)] == reasons[people.kinds[$0]] }) {
                outcome.seedsWithRightReasons += 1
            }
            let accuracy = people.accuracy(data, model)
            outcome.majority += accuracy.majority / Double(Self.seeds.count)
            outcome.model += accuracy.model / Double(Self.seeds.count)
            if accuracy.model > accuracy.majority { outcome.seedsBetterThanMajority += 1 }
        }
        return outcome
    }

    @Test(arguments: [0, 0.15]) func plantedAnnotatorsAreNamedAndNoExpert(_ gold: Double) throws {
        let outcome = try run(gold: gold)
        print("annotators with \(gold) gold over seeds 1 to 20: \(outcome)")
        #expect(outcome.seedsAllNamed >= 19, "\(outcome)")
        #expect(outcome.seedsWithoutExpert >= 19, "\(outcome)")
        #expect(outcome.seedsWithRightReasons >= 19, "always-left is told from random: \(outcome)")
        #expect(outcome.model > outcome.majority + 0.02 && outcome.seedsBetterThanMajority >= 19, "\(outcome)")
    }

    /// Without control questions most are taken to be right; with them the few who are right are found.
    @Test func controlQuestionsOutvoteAMajorityThatIsWrong() throws {
        let seed = UInt64(5)
        var random = SplitMix(seed)
        var votes: [Vote] = []
        for prompt in 0..<300 {
            let better = 1.5 * random.normal()
            for annotator in 0..<5 {
                let skill = annotator < 2 ? 2.0 : -2
                var vote = Vote(
                    task: "\(prompt)", promptID: "\(prompt)", left: Answer(id: "a"), right: Answer(id: "b"),
                    annotator: annotator < 2 ? "good \(annotator)" : "bad \(annotator)",
                    verdict: random.uniform() < Logistic.sigma(skill * better) ? .left : .right)
                if prompt < 100 {
                    vote.isGold = true
                    vote.expected = better > 0 ? .left : .right
                }
                votes.append(vote)
            }
        }
        let with = AnnotatorModel(try #require(Opinions(votes)))
        #expect(with.gold == 100)
        for annotator in with.annotators {
            #expect((annotator.skill > 0) == annotator.name.hasPrefix("good"), "\(annotator), seed \(seed)")
        }
        for index in votes.indices { votes[index].isGold = false }
        let without = AnnotatorModel(try #require(Opinions(votes)))
        for annotator in without.annotators {
            #expect((annotator.skill > 0) == annotator.name.hasPrefix("bad"), "\(annotator), seed \(seed)")
        }
    }

    /// An annotator who decides by the side, weakly, has a bias and keeps his skill.
    @Test func skillAndBiasAreToldApart() throws {
        let seed = UInt64(6)
        var random = SplitMix(seed)
        var opinions: [Opinions.Opinion] = []
        let truth = (0..<800).map { _ in 1.5 * random.normal() }
        for (pair, better) in truth.enumerated() {
            for annotator in 0..<4 {
                let isMirrored = random.uniform() < 0.5
                let bias = annotator == 0 ? 1.2 : 0
                let p = Logistic.sigma((isMirrored ? -better : better) + bias)
                let (left, right) = isMirrored ? (2 * pair + 1, 2 * pair) : (2 * pair, 2 * pair + 1)
                opinions.append(
                    Opinions.Opinion(
                        left: left, right: right, score: random.uniform() < p ? 1 : 0, annotator: annotator))
            }
        }
        let model = AnnotatorModel(
            Opinions(annotators: ["biased", "b", "c", "d"], items: 1600, opinions: opinions))
        let biased = model.annotators[0]
        #expect(abs(biased.sideBias - 1.2) < 0.35, "\(biased), seed \(seed)")
        for other in model.annotators.dropFirst() {
            #expect(abs(other.sideBias) < 0.3 && abs(other.skill - biased.skill) < 0.45, "\(model.annotators)")
        }
    }

    @Test func shareOfRightVerdictsIsNearWhatTheAnnotatorsAre() throws {
        let people = SyntheticAnnotators(seed: 3, gold: 0.15)
        let accuracies = try #require(VerdictAccuracy.all(people.votes))
        for (index, kind) in people.kinds.enumerated() {
            let share = try #require(accuracies[SyntheticAnnotators.name(index)])
            switch kind {
            case .expert: #expect(share > 0.7, "\(index): \(share), seed 3")
            case .alwaysLeft, .random: #expect((0.3...0.7).contains(share), "\(index): \(share), seed 3")
            case .adversarial: #expect(share < 0.4, "\(index): \(share), seed 3")
            case .noisy: break
            }
        }
        #expect(VerdictAccuracy.all(Array(people.votes.prefix(1))) == nil)
    }

    @Test func factsCountTimeSpeedAndSides() throws {
        func vote(_ verdict: Verdict, seconds: Double?, text: String = String(repeating: "x", count: 300)) -> Vote {
            var vote = Vote(
                task: "t", promptID: "p\(verdict)", left: Answer(id: "a", text: text),
                right: Answer(id: "b", text: "short"),
                annotator: "w", verdict: verdict)
            vote.seconds = seconds
            return vote
        }
        let votes = [
            vote(.left, seconds: 10), vote(.right, seconds: 2), vote(.skip, seconds: 5), vote(.tie, seconds: nil),
        ]
        let facts = try #require(AnnotatorFacts.all(votes).first)
        #expect(facts.votes == 3 && facts.skips == 1 && facts.leftShare == 0.5)
        #expect(facts.payableSeconds == 17 && facts.untimed == 1, "skips are paid")
        #expect(facts.timed == 2 && facts.tooFast == 1, "305 characters in 2 seconds are not read")
        #expect(facts.length.decided == 2 && facts.length.longerWins == 1)
    }

    /// A strong baseline that is always on the left wins nearly always: that is no habit of the annotator.
    @Test func aFixedSideIsNoReasonForExclusion() throws {
        func judged(isShuffled: Bool) -> [Vote] {
            (0..<120).flatMap { prompt -> [Vote] in
                ["a", "b"].map { annotator in
                    let isMirrored = isShuffled && prompt % 2 == 0
                    let answers = ["base", "weak"].map { Answer(id: $0, source: $0) }
                    return Vote(
                        task: "\(prompt)", promptID: "\(prompt)", left: answers[isMirrored ? 1 : 0],
                        right: answers[isMirrored ? 0 : 1], annotator: annotator, verdict: .left)
                }
            }
        }
        for isShuffled in [true, false] {
            let votes = judged(isShuffled: isShuffled)
            let facts = AnnotatorFacts.all(votes)
            #expect(facts.allSatisfy { $0.areSidesFixed != isShuffled })
            let proposals = ExclusionProposal.find(facts, AnnotatorModel(try #require(Opinions(votes))))
            #expect(proposals.map(\.reason) == (isShuffled ? [.oneSide, .oneSide] : []))
        }
    }

    @Test func driftIsSeen() throws {
        var votes: [Vote] = []
        for pair in 0..<80 {
            for annotator in ["a", "b", "late"] {
                let isWrong = annotator == "late" && pair >= 40
                var vote = Vote(
                    task: "\(pair)", promptID: "\(pair)", left: Answer(id: "x"), right: Answer(id: "y"),
                    annotator: annotator, verdict: isWrong ? .right : .left)
                vote.votedAt = Date(timeIntervalSince1970: Double(pair))
                votes.append(vote)
            }
        }
        let facts = Dictionary(uniqueKeysWithValues: AnnotatorFacts.all(votes).map { ($0.name, $0) })
        #expect(try #require(facts["late"]?.drift) < -3)
        #expect(facts["a"]?.agreementEarly?.rate == 1)
    }

    @Test func groupsThatDisagreeAreNamed() throws {
        let seed = UInt64(8)
        var random = SplitMix(seed)
        let sources = ["formal", "plain", "short"]
        var votes: [Vote] = []
        for prompt in 0..<900 {
            let (a, b) = [(0, 1), (1, 2), (0, 2)][prompt % 3]
            let group = prompt % 2 == 0 ? "A" : "B"
            // Group A likes formal answers, group B does not.
            func liking(_ source: Int) -> Double { source == 0 ? (group == "A" ? 1 : -1) : 0 }
            var vote = Vote(
                task: "\(prompt)", promptID: "\(prompt)", left: Answer(id: sources[a], source: sources[a]),
                right: Answer(id: sources[b], source: sources[b]), annotator: group + "\(prompt % 10)",
                verdict: random.uniform() < Logistic.sigma(liking(a) - liking(b)) ? .left : .right)
            vote.groups["country"] = group
            votes.append(vote)
        }
        let slices = try #require(GroupSlices(votes, attribute: "country"))
        #expect(slices.slices.map(\.group) == ["A", "B"] && slices.slices.allSatisfy { $0.share == 0.5 })
        let first = try #require(slices.differences.first)
        #expect(first.source == "formal" && first.z > 3 && first.groups == ["A", "B"], "seed \(seed)")
        #expect(GroupSlices(votes, attribute: "age") == nil)
    }
}
