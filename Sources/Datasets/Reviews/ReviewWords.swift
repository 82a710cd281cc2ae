/// The words of the reviews that do not depend on what is reviewed.
enum ReviewWords {
    static let good = words(
        """
        excellent wonderful superb delightful charming splendid impressive lovely fantastic marvellous \
        reliable elegant brilliant pleasant remarkable refreshing outstanding flawless magnificent satisfying \
        inviting thoughtful graceful admirable tidy sturdy generous polished terrific enjoyable amazing \
        beautiful stunning perfect exquisite dependable stylish comfortable exceptional fabulous gorgeous \
        immaculate inspiring memorable phenomenal sublime tasteful trustworthy vibrant welcoming adorable \
        appealing astonishing awesome captivating cheerful clever convenient dazzling divine durable efficient \
        enchanting exemplary fascinating favourable glorious handy harmonious heavenly helpful ideal \
        imaginative ingenious luxurious majestic masterly neat nifty peaceful picturesque playful pleasing \
        practical precise pristine radiant reassuring rewarding robust seamless sleek smooth solid soothing \
        sparkling spotless stellar tremendous unforgettable uplifting useful valuable versatile
        """)
    static let bad = words(
        """
        terrible awful dreadful dull clumsy shabby disappointing horrible ugly broken careless miserable \
        flimsy tedious unpleasant mediocre wobbly filthy annoying useless boring lousy frustrating sloppy \
        hideous outdated worthless chaotic fragile grim abysmal appalling atrocious bland cheap cluttered \
        confusing cramped crooked cumbersome damaged defective dingy dirty disastrous dismal disorganized \
        dreary faulty forgettable gloomy greasy grubby hopeless inadequate inferior insufferable irritating \
        lame lifeless messy monotonous nasty noisy obnoxious offensive overpriced painful pathetic pitiful \
        pointless poor repulsive ridiculous rotten rude rusty scruffy shoddy sluggish smelly soggy stale \
        sticky tacky tasteless tattered tiresome troublesome unbearable uncomfortable underwhelming unfinished \
        unreliable unsafe unsightly vile weak wretched exhausting inconvenient
        """)
    /// Go with either mind.
    static let adverbs = words(
        """
        really truly quite rather simply surprisingly very clearly always often utterly genuinely honestly certainly \
        frankly absolutely consistently definitely extremely obviously
        """)
    /// Go with praise only.
    static let gladAdverbs = words(
        """
        wonderfully delightfully beautifully pleasantly happily superbly refreshingly charmingly impressively gladly \
        brilliantly splendidly
        """)
    /// Go with blame only.
    static let sadAdverbs = words(
        """
        sadly painfully hopelessly terribly awfully dreadfully annoyingly disappointingly miserably horribly \
        regrettably badly
        """)
    static let praise = words(
        """
        love recommend adore enjoy praise admire treasure appreciate cherish applaud endorse like value \
        welcome prize celebrate
        """)
    static let blame = words(
        """
        hate regret dislike despise resent avoid detest loathe criticize reject condemn distrust abhor deplore \
        bemoan denounce
        """)

    private static func words(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }
}
