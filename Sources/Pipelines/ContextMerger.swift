public enum ContextMerger {
    public static func passage(stage: String, expert: String, outcome: StageOutcome) -> Passage? { nil }
}
