// ExpertKit
