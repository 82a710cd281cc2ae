import Foundation
import Testing

@testable import Reports

@Suite struct EvaluationTests {
    static func answers(
        _ rewards: [(String, Double, [[Float?]])], lengths: [[Int]]? = nil, kl: [[Double]] = [], word: String = "a"
    ) -> MeasuredAnswers {
        let values = rewards.first?.2 ?? lengths?.map { $0.map { _ in nil } } ?? []
        return MeasuredAnswers(
            prompts: values.indices.map { "prompt \($0)" },
            texts: values.enumerated().map { prompt, row in row.indices.map { "\(word)\(prompt).\($0)" } },
            lengths: lengths ?? values.map { $0.map { _ in 7 } }, sequenceKL: kl,
            rewards: rewards.map { MeasuredAnswers.Reward(name: $0.0, weight: $0.1, values: $0.2) })
    }

    @Test func tiesAreHalfAWin() throws {
        let evaluation = Evaluation(
            before: Self.answers([("r", 1, [[0.5], [0.5], [2], [1]])]),
            after: Self.answers([("r", 1, [[1], [0.5], [1], [3]])], kl: [[1], [2], [3], [4]]), klBudget: 5, notes: [])
        let figure = try #require(evaluation.rewards.first)
        #expect(figure.winRate?.mean == 0.625 && figure.winRate?.count == 4)
        #expect(figure.values.before?.mean == 1 && figure.values.after?.mean == 1.375)
        #expect(figure.values.difference?.mean == 0.375)
        // A difference of 0 is no share of nothing.
        #expect(evaluation.length.difference?.low == 0 && evaluation.length.difference?.high == 0)
        #expect(evaluation.sequenceKL?.mean == 2.5 && evaluation.length.difference?.mean == 0)
        // The one reward is the score.
        #expect(evaluation.scoreName == "r" && evaluation.rows == evaluation.rewards && figure.passAtK.isEmpty)
    }

    /// Prompts with fewer answers that have a value count for less, in the difference as in its two sides.
    @Test func theDifferenceIsThatOfItsTwoSides() throws {
        let evaluation = Evaluation(
            before: Self.answers([("r", 1, [[0, 2, 4], [1, nil, nil]])]),
            after: Self.answers([("r", 1, [[1, 2, 6], [9, 9, nil]])]), klBudget: 5, notes: [])
        let values = try #require(evaluation.rewards.first?.values)
        #expect(values.before?.mean == 7.0 / 4 && values.after?.mean == 27.0 / 5)
        #expect(abs((values.difference?.mean ?? 0) - (27.0 / 5 - 7.0 / 4)) < 1e-12)
        // With as many values in each prompt it is the paired one: of 1, -1 and 3, mean 1 and error 2 / sqrt 3.
        let paired = try #require(Estimate.difference(before: [[1], [1], [1]], after: [[2], [0], [4]]))
        let reach = 4.302653 * 2 / 3.0.squareRoot()
        #expect(abs(paired.mean - 1) < 1e-12 && abs((paired.high ?? 0) - 1 - reach) < 1e-6 && paired.count == 3)
    }

    /// A KL of 0 nats and answers of one token are no shares of anything.
    @Test func distancesAndLengthsAreNoShares() throws {
        let side = Self.answers([], lengths: [[1], [1]], kl: [[0], [0]])
        let evaluation = Evaluation(before: side, after: side, klBudget: 5, notes: [])
        for estimate in [evaluation.sequenceKL, HeldOutFigures(step: 1, side).figures["sequence_kl"]] {
            #expect(estimate == Estimate(mean: 0, low: 0, high: 0, count: 2))
        }
        for estimate in [evaluation.length.after, HeldOutFigures(step: 1, side).figures["response_length"]] {
            #expect(estimate == Estimate(mean: 1, low: 1, high: 1, count: 2))
        }
    }

    @Test func eachOfSeveralAnswersIsComparedWithEach() throws {
        let evaluation = Evaluation(
            before: Self.answers([("r", 1, [[0, 1], [0, 0]])]), after: Self.answers([("r", 1, [[1, 1], [0, 1]])]),
            klBudget: 5, notes: [])
        let figure = try #require(evaluation.rewards.first)
        // Prompt 0: two wins and two ties; prompt 1: two ties and two wins.
        #expect(figure.winRate?.mean == 0.75 && figure.winRate?.count == 2)
        #expect(figure.passAtK.map(\.k) == [1, 2])
        #expect(figure.passAtK.map { $0.before?.mean } == [0.25, 0.5])
        #expect(figure.passAtK.map { $0.after?.mean } == [0.75, 1])
        // pass@1 is the mean, and as sure.
        let (pass, mean) = (figure.passAtK[0].after, figure.values.after)
        #expect(pass?.low == mean?.low && pass?.high == mean?.high && pass?.count == 2)
    }

    @Test func aFailedAnswerCostsNoOther() throws {
        let before = Self.answers([("a", 1, [[1], [2], [3]]), ("b", 0.5, [[2], [2], [2]])])
        let after = Self.answers([("a", 1, [[nil], [4], [3]]), ("b", 0.5, [[2], [2], [4]])])
        let evaluation = Evaluation(before: before, after: after, klBudget: 5, notes: [])
        let (a, b) = (evaluation.rewards[0], evaluation.rewards[1])
        #expect(a.failedAfter == 1 && a.failedBefore == 0 && b.failedAfter == 0)
        // Both sides over the prompts that both have.
        #expect(a.values.before?.mean == 2.5 && a.values.after?.mean == 3.5 && b.values.before?.count == 3)
        let score = try #require(evaluation.score)
        #expect(score.values.before?.mean == 3.5 && score.values.after?.mean == 5 && score.failedAfter == 1)
        #expect(evaluation.rows.map(\.name) == ["score", "a", "b"])
        // An answer without a score is neither the worst nor the best.
        #expect(evaluation.answers.map(\.after) == ["a1.0", "a2.0"])
        #expect(evaluation.answers.map(\.scoreAfter) == [5, 5].map(Optional.some))
    }

    @Test func withoutARewardLengthAndKLAreLeft() throws {
        let evaluation = Evaluation(
            before: Self.answers([], lengths: [[4], [6]]),
            after: Self.answers([], lengths: [[7], [9]], kl: [[1], [3]]),
            klBudget: 5, notes: ["no reward can be computed here"])
        #expect(evaluation.score == nil && evaluation.rows.isEmpty && evaluation.answers.count == 2)
        #expect(evaluation.length.difference?.mean == 3 && evaluation.sequenceKL?.mean == 2)
    }

    @Test func theTableHasTheWorstAndTheBest() {
        let values = (0..<40).map { [Float(($0 * 17) % 40)] as [Float?] }
        let side = Self.answers([("r", 1, values)])
        let evaluation = Evaluation(before: side, after: side, klBudget: 5, notes: [])
        #expect(evaluation.answers.map(\.scoreAfter) == [0, 1, 2, 3, 4, 35, 36, 37, 38, 39].map(Optional.some))
    }

    @Test func theBestStepIsFoundAgain() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skein-history-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var history = HeldOutHistory(runDirectory: folder)
        #expect(history.best(by: "score", basis: nil) == nil)
        // The start may be better than every step; it is no result of the run.
        for (step, value) in [(0, 9), (4, 1), (2, 3), (6, 3), (8, 2)] {
            let answers = Self.answers([("r", 1, [[Float(value)], [Float(value)]])], kl: [[0.5], [1.5]])
            try history.add(HeldOutFigures(step: step, answers))
        }
        let read = HeldOutHistory(runDirectory: folder)
        #expect(read.lines == history.lines && read.lines.map(\.step) == [0, 2, 4, 6, 8])
        #expect(read.best(by: "score", basis: nil)?.step == 2 && read.best(by: "r", basis: nil)?.value.mean == 3)
        #expect(read.best(by: "score", basis: nil, among: [4, 6, 8])?.step == 6)
        #expect(read.best(by: "other", basis: nil) == nil)
        #expect(read.has(step: 8, basis: nil) && !read.has(step: 10, basis: nil) && !read.has(step: 8, basis: "x"))
        #expect(read.lines[1].figures["sequence_kl"]?.mean == 1)
        // A crash in the middle of a line, as a program that appends would leave it.
        let path = folder + "/evaluations.jsonl"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try String(text.dropLast(30)).write(toFile: path, atomically: true, encoding: .utf8)
        #expect(HeldOutHistory(runDirectory: folder).lines.map(\.step) == [0, 2, 4, 6])
        // The next line does not run into what is left of that one.
        try history.add(HeldOutFigures(step: 8, Self.answers([("r", 1, [[1], [2]])])))
        #expect(HeldOutHistory(runDirectory: folder).lines.map(\.step) == [0, 2, 4, 6, 8])
    }

    /// A reward that was out for all but the easy prompts gives a high mean, which is no best step.
    @Test func aStepWithFewValuesIsNotTheBest() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skein-few-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var history = HeldOutHistory(runDirectory: folder)
        let whole = [Float](repeating: 1, count: 20).map { [$0] as [Float?] }
        try history.add(HeldOutFigures(step: 2, Self.answers([("r", 1, whole)])))
        let few: [[Float?]] = (0..<20).map { $0 < 3 ? [9] : [nil] }
        try history.add(HeldOutFigures(step: 4, Self.answers([("r", 1, few)])))
        let most: [[Float?]] = (0..<20).map { $0 < 19 ? [2] : [nil] }
        try history.add(HeldOutFigures(step: 6, Self.answers([("r", 1, most)])))
        #expect(history.best(by: "r", basis: nil)?.step == 6)
    }

    /// After other rewards, prompts or temperatures a figure says something else under the same name.
    @Test func figuresOfAnotherBasisDoNotCompete() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skein-basis-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var history = HeldOutHistory(runDirectory: folder)
        for (step, value, basis) in [(0, 9, "a"), (2, 8, "a"), (4, 7, "a"), (4, 1, "b"), (6, 3, "b"), (8, 2, "b")] {
            let answers = Self.answers([("r", 1, [[Float(value)], [Float(value)]])])
            try history.add(HeldOutFigures(step: step, answers, basis: basis))
        }
        let read = HeldOutHistory(runDirectory: folder)
        #expect(read.lines == history.lines && read.lines.map(\.step) == [0, 2, 4, 6, 8] && read.basis == "b")
        // A step that was measured anew counts as it was measured last.
        #expect(read.lines[2].figures["score"]?.mean == 1 && read.has(step: 4, basis: "b"))
        #expect(read.best(by: "score", basis: "b")?.step == 6 && read.best(by: "score", basis: "a")?.step == 2)
        #expect(read.best(by: "score", basis: nil) == nil)
        let text = try String(contentsOfFile: "\(folder)/evaluations.jsonl", encoding: .utf8)
        #expect(text.split(separator: "\n").count == 6)
    }

    @Test func figuresOfAStepHaveNames() {
        let figures = HeldOutFigures(
            step: 3, Self.answers([("r", 2, [[1, nil], [0, 1]]), ("s", 0, [[0.5, 0.5], [0.5, 1]])])
        )
        #expect(figures.failed == ["r": 1] && figures.figures["score"]?.mean == 4.0 / 3)
        #expect(figures.figures["reward/r"]?.mean == 2.0 / 3 && figures.figures["reward/s"]?.count == 4)
        // One prompt has two answers with a value.
        #expect(figures.figures["reward/r/pass@2"] == Estimate(mean: 1, count: 1))
        #expect(figures.figures["reward/r/pass@1"]?.mean == 0.75 && figures.figures["reward/s/pass@1"] == nil)
        #expect(HeldOutFigures.key("r/pass@2") == "reward/r/pass@2" && HeldOutFigures.key("score") == "score")
        #expect(figures.sentence("r").contains("2 answers to each of 2 held-out prompts after step 3: r 0.667"))
        #expect(figures.sentence("r").contains("1 without r") && figures.sentence("x").contains("no x could be"))
    }
}
