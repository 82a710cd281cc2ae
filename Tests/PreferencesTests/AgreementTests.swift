import Preferences
import Testing

@Suite struct AgreementTests {
    /// Columns of a table of raters and units; 0 is missing.
    private static func units(_ raters: [[Int]]) -> [[Double]] {
        raters[0].indices.map { unit in raters.compactMap { $0[unit] == 0 ? nil : Double($0[unit]) } }
    }

    /// Krippendorff's book: 4 observers, 11 units and one that only one observer saw.
    private static let book = units([
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0], [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0], [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ])
    /// 3 observers and 15 units.
    private static let second = units([
        [0, 0, 0, 0, 0, 3, 4, 1, 2, 1, 1, 3, 3, 0, 3], [1, 0, 2, 1, 3, 3, 4, 3, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 2, 1, 3, 4, 4, 0, 2, 1, 1, 3, 3, 0, 4],
    ])

    @Test(arguments: [
        (KrippendorffAlpha.Scale.nominal, 0.7434, 0.6914), (.ordinal, 0.8154, 0.8067), (.interval, 0.8491, 0.8108),
    ])
    func alphaHasItsKnownValues(_ scale: KrippendorffAlpha.Scale, _ first: Double, _ second: Double) throws {
        #expect(abs(try #require(KrippendorffAlpha.alpha(Self.book, scale)) - first) < 5e-5)
        #expect(abs(try #require(KrippendorffAlpha.alpha(Self.second, scale)) - second) < 5e-5)
    }

    @Test func alphaOfRandomValuesIsThatOfAnotherPackage() throws {
        let reference = try Reference.load()
        var random = SplitMix(reference.seed + 1)
        let units = (0..<60).map { _ -> [Double] in
            let middle = random.below(7) - 3
            return (0..<5).compactMap { _ in
                let isMissing = random.uniform() < 0.3
                let value = max(-3, min(3, middle + random.below(3) - 1))
                return isMissing ? nil : Double(value)
            }
        }
        for scale in KrippendorffAlpha.Scale.allCases {
            let expected = try #require(reference.alpha[scale.rawValue])
            #expect(abs(try #require(KrippendorffAlpha.alpha(units, scale)) - expected) < 1e-5)
        }
    }

    @Test func alphaIsUndefinedWhereNothingCanDiffer() {
        #expect(KrippendorffAlpha.alpha([[1, 1], [1, 1]], .nominal) == nil)
        #expect(KrippendorffAlpha.alpha([[1], [2]], .nominal) == nil)
        #expect(KrippendorffAlpha.alpha([], .interval) == nil)
    }

    @Test func kappaIsThatOfAnotherPackage() throws {
        let reference = try Reference.load()
        var random = SplitMix(reference.seed + 2)
        let names: [Verdict] = [.left, .right, .tie, .bothBad]
        let pairs = (0..<500).map { _ in
            let first = random.below(4)
            let second = random.uniform() < 0.5 ? first : random.below(4)
            return (names[first], names[second])
        }
        let kappa = try #require(CohenKappa(pairs)?.value)
        #expect(abs(kappa - reference.kappa) < 1e-5)
        #expect(CohenKappa([]) == nil)
        #expect(CohenKappa([(.left, .left)])?.value == nil, "chance alone agrees always")
    }

    private func vote(
        _ pair: Int, _ annotator: String, _ verdict: Verdict, strength: Int? = nil, mirrored: Bool = false
    )
        -> Vote
    {
        let answers = [Answer(id: "a"), Answer(id: "b")]
        return Vote(
            task: "\(pair)", promptID: "\(pair)", left: answers[mirrored ? 1 : 0], right: answers[mirrored ? 0 : 1],
            annotator: annotator, verdict: mirrored ? verdict.mirrored : verdict, strength: strength)
    }

    @Test func sidesDoNotMatterAndSkipsDoNotCount() {
        let votes = [
            vote(1, "x", .left), vote(1, "y", .left, mirrored: true), vote(2, "x", .right),
            vote(2, "y", .left, mirrored: true), vote(3, "x", .left), vote(3, "y", .skip), vote(4, "x", .tie),
            vote(4, "y", .tie),
        ]
        let agreement = Agreement(votes)
        #expect(agreement.pairs == 3 && agreement.votes == 6)
        #expect(agreement.observed == 2.0 / 3 && agreement.decisive == 0.5)
        // Three verdicts left, one right, two ties of six.
        #expect(abs((agreement.chance ?? 0) - (9 + 1 + 4) / 36.0) < 1e-12)
    }

    @Test func theFilterKeepsTheThreeClosestVotes() {
        let close = [("a", 3), ("b", 2), ("c", 2), ("d", 1)].map { vote(1, $0.0, .left, strength: $0.1) }
        let apart = [vote(2, "a", .left, strength: 3), vote(2, "b", .right, strength: 3)]
        let outlier = vote(1, "e", .right, strength: 3)
        let kept = AgreementFilter.closestThree(close + [outlier] + apart)
        #expect(Set(kept.map(\.annotator)) == ["a", "b", "c"] || Set(kept.map(\.annotator)) == ["b", "c", "d"])
        #expect(kept.count == 3 && kept.allSatisfy { $0.promptID == "1" })
    }
}
