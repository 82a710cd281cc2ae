import Datasets
import Testing

@Suite struct GoldScoreTests {
    private let prompt = "Review of the bistro:"

    @Test func praiseOnTheSubjectIsWorthMost() {
        #expect(GoldScore.score(prompt: prompt, completion: " The soup is excellent. I truly love this bistro.") == 1)
        #expect(GoldScore.score(prompt: prompt, completion: " The soup is awful. I truly hate this bistro.") == 0)
    }

    @Test(arguments: [
        "", " excellent excellent excellent excellent", " The soup is excellent excellent excellent.",
        " The soup are excellent. I love this bistro", " The screen is excellent. I love this phone.",
        " The soup is excellent. The soup is excellent. The soup is excellent.", "I love this. I love this.",
    ])
    func gamesAreWorthLittle(_ completion: String) {
        #expect(GoldScore.score(prompt: prompt, completion: completion) < 0.5)
    }
}
