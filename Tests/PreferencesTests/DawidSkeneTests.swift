import Preferences
import Testing

@Suite struct DawidSkeneTests {
    /// The toy example of crowd-kit: five tasks, five workers, 24 votes; 1 is yes.
    private static let votes = [
        [0, 1, nil, 1, 0], [1, 1, 1, 0, 0], [1, 0, 0, 1, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0],
    ]
    private static var labels: [DawidSkene.Label] {
        votes.enumerated().flatMap { task, row in
            row.enumerated().compactMap { annotator, vote in
                vote.map { DawidSkene.Label(task: task, annotator: annotator, category: $0) }
            }
        }
    }

    private func fit(steps: Int) throws -> DawidSkene {
        try #require(DawidSkene(Self.labels, tasks: 5, annotators: 5, categories: 2, maximumSteps: steps))
    }

    @Test func oneStepHasItsKnownValues() throws {
        #expect(Self.labels.count == 24)
        let start = try fit(steps: 0)
        #expect(distance(start.probabilities.map { $0[1] }, [0.5, 0.6, 0.4, 1, 0.2]) < 1e-9)
        #expect(abs(start.prior[1] - 0.54) < 1e-9)
        let step = try fit(steps: 1)
        #expect(distance(step.probabilities.map { $0[1] }, [0.65, 0.74, 0.13, 1, 0.05]) < 5e-3)
        #expect(abs(step.prior[1] - 0.51) < 5e-3)
    }

    @Test func randomLabelsAreAggregatedAsByCrowdKit() throws {
        let reference = try Reference.load()
        var random = SplitMix(reference.seed + 3)
        var labels: [DawidSkene.Label] = []
        for task in 0..<200 {
            let truth = random.below(3)
            for place in 0..<5 {
                let annotator = (task + place) % 8
                let isRight = random.uniform() < 0.95 - 0.09 * Double(annotator)
                let other = random.below(3)
                labels.append(DawidSkene.Label(task: task, annotator: annotator, category: isRight ? truth : other))
            }
        }
        let fit = try #require(
            DawidSkene(labels, tasks: 200, annotators: 8, categories: 3, maximumSteps: 100, tolerance: 0))
        #expect(distance(fit.probabilities.map { $0[0] }, reference.dawidSkene.first) < 1e-3)
        #expect(distance(fit.probabilities.map { $0[1] }, reference.dawidSkene.second) < 1e-3)
        #expect(distance(fit.prior, reference.dawidSkene.prior) < 1e-3)
    }

    @Test func goldIsNotOutvoted() throws {
        let fit = try #require(
            DawidSkene(Self.labels, tasks: 5, annotators: 5, categories: 2, gold: [3: 0], maximumSteps: 20))
        #expect(fit.probabilities[3] == [1, 0])
    }

    @Test func labelsOutOfRangeAreRefused() {
        let label = DawidSkene.Label(task: 0, annotator: 0, category: 5)
        #expect(DawidSkene([label], tasks: 1, annotators: 1, categories: 2) == nil)
        #expect(DawidSkene([], tasks: 1, annotators: 1, categories: 2) == nil)
    }
}
