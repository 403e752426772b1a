"""What must hold on the deployed template; each rule gives a sentence per offence.

A green deployment to the local emulator proves none of these: it drops dead-letter queues, retry
policies, encryption, backups and alarm arithmetic without a word.
"""

from tests.deployment import access_rules, alarm_rules, keeping_rules, running_rules

RULES = (
    access_rules.wildcards,
    access_rules.roles_are_written_out,
    access_rules.forbidden_actions,
    access_rules.buying_and_deleting_are_apart,
    access_rules.purchases_carry_the_owner,
    access_rules.releases_need_the_owner,
    access_rules.roles_are_assumed_by_name,
    access_rules.endpoints_are_scaled_through_bedrock,
    access_rules.no_function_writes_its_bounds,
    access_rules.functions_tell_their_own_only,
    running_rules.schedules_do_not_insist,
    running_rules.functions_are_not_retried,
    running_rules.work_is_done_once_at_a_time,
    running_rules.poisoned_work_ends,
    running_rules.dead_letters_can_be_sent,
    running_rules.functions_end_before_the_next_tick,
    running_rules.schedules_tick_the_live_version,
    keeping_rules.records_outlive_mistakes,
    keeping_rules.settings_are_not_in_the_stack,
    keeping_rules.throughputs_are_not_in_the_stack,
    keeping_rules.messages_are_encrypted,
    keeping_rules.logs_end,
    alarm_rules.silence_is_an_alarm,
    alarm_rules.trouble_is_an_alarm,
    alarm_rules.silent_failures_are_alarms,
)
