{{ overdue_cases(ref('feat_overdue_point')) }}
