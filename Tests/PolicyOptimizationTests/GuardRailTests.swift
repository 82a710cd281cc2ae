import Testing

@testable import PolicyOptimization

@Suite struct GuardRailTests {
    let fine = MinibatchFigures(loss: 0.1, gradientNorm: 1, approximateKL: 0.01, meanRatio: 1)

    func changed(_ path: WritableKeyPath<MinibatchFigures, Double>, _ value: Double) -> MinibatchFigures {
        var figures = fine
        figures[keyPath: path] = value
        return figures
    }

    @Test func targetKLEndsTheEpochsUntilTheNextStep() {
        var guardRail = UpdateGuard(targetKL: 0.1, maximumMeanRatio: 10)
        guardRail.beginStep()
        #expect(guardRail.observe(fine) == .apply)
        guard case .endEpochs = guardRail.observe(changed(\.approximateKL, 0.11)) else {
            Issue.record("not ended")
            return
        }
        #expect(guardRail.endedThisStep)
        guard case .endEpochs = guardRail.observe(fine) else {
            Issue.record("went on")
            return
        }
        guardRail.beginStep()
        #expect(guardRail.observe(fine) == .apply)
    }

    @Test func threeNotFiniteInARowStopTheRun() {
        var guardRail = UpdateGuard(targetKL: 0.1, maximumMeanRatio: 10)
        guardRail.beginStep()
        let bad = changed(\.gradientNorm, .infinity)
        #expect(isSkip(guardRail.observe(bad)))
        #expect(isSkip(guardRail.observe(changed(\.loss, .nan))))
        #expect(guardRail.observe(fine) == .apply)
        #expect(isSkip(guardRail.observe(bad)))
        guardRail.beginStep()
        #expect(isSkip(guardRail.observe(changed(\.approximateKL, .nan))))
        guard case .stop = guardRail.observe(bad) else {
            Issue.record("not stopped")
            return
        }
    }

    @Test func meanRatioSkipsWithoutStopping() {
        var guardRail = UpdateGuard(targetKL: nil, maximumMeanRatio: 10)
        guardRail.beginStep()
        for _ in 0..<5 { #expect(isSkip(guardRail.observe(changed(\.meanRatio, 11)))) }
        #expect(guardRail.skippedThisStep == 5)
        #expect(guardRail.skipsInARow == 0)
    }

    func isSkip(_ verdict: UpdateGuard.Verdict) -> Bool {
        if case .skip = verdict { true } else { false }
    }

    let text = Degeneration(answers: [[1, 2, 3, 4, 5]], truncated: [false])

    @Test func klBudgetPausesAndNegativeKLAlarms() {
        var drift = DriftGuard(klStop: 10)
        let fine = drift.observe(StepFigures(sequenceKL: 9, reward: 1, text: text))
        #expect(fine.alarms.isEmpty && !fine.pause)
        let over = drift.observe(StepFigures(sequenceKL: 11, reward: 1, text: text))
        #expect(over.pause && over.alarms.map(\.code) == [.klBudget])
        let negative = drift.observe(StepFigures(sequenceKL: -1.5, reward: 1, text: text))
        #expect(!negative.pause && negative.alarms.map(\.code) == [.negativeKL])
    }

    @Test func trainedUpGoldDownAlarms() {
        var drift = DriftGuard()
        let rows = [(1.0, 1.0), (2, 1.1), (3, 0.9), (4, 0.5)]
        let alarms = rows.flatMap { reward, gold in
            drift.observe(StepFigures(sequenceKL: 1, reward: reward, gold: gold, text: text)).alarms
        }
        #expect(alarms.map(\.code) == [.overOptimisation])
        var healthy = DriftGuard()
        for step in 0..<8 {
            let figures = StepFigures(sequenceKL: 1, reward: Double(step), gold: Double(step), text: text)
            #expect(healthy.observe(figures).alarms.isEmpty)
        }
    }

    @Test func degenerateTextAlarms() {
        let babble = Degeneration(
            answers: [[Int32](repeating: 7, count: 100)], truncated: [true], referenceLength: 10)
        #expect(abs(babble.repeated4 - 96.0 / 97) < 1e-12)
        #expect(abs(babble.distinct2 - 1.0 / 99) < 1e-12)
        #expect(babble.lengthRatio == 10)
        var drift = DriftGuard()
        let codes = drift.observe(StepFigures(sequenceKL: 1, reward: 1, text: babble)).alarms.map(\.code)
        #expect(codes == [.repeatedText, .lowDiversity, .truncatedAnswers, .answerLength])
        #expect(text.repeated4 == 0 && text.distinct2 == 1)
    }

    @Test func alarmsAreRoundedForPeople() {
        let text = Degeneration(
            answers: [[Int32](0..<7), [1, 2, 3]], truncated: [true, true], referenceLength: 1.3)
        var drift = DriftGuard()
        let details = drift.observe(StepFigures(sequenceKL: -10.0 / 3, reward: 0, text: text)).alarms.map(\.detail)
        #expect(details.contains { $0.hasPrefix("sequence KL is -3.33:") })
        #expect(details.contains("share of answers cut by the length limit is 100 %"), "\(details)")
        #expect(details.contains("answers are 3.85 times as long as the reference's"))
    }
}
