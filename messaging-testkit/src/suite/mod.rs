//! The cases, by the part of the contract that they test.

#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

pub(crate) mod acknowledging;
pub(crate) mod appending;
pub(crate) mod auditing;
pub(crate) mod changing;
pub(crate) mod claiming;
pub(crate) mod counting;
pub(crate) mod delaying;
pub(crate) mod dropping;
pub(crate) mod due;
pub(crate) mod erasing;
pub(crate) mod erasing_digests;
pub(crate) mod erasing_reports;
pub(crate) mod extras;
pub(crate) mod history;
pub(crate) mod keys;
pub(crate) mod listing;
pub(crate) mod loading;
pub(crate) mod mailing;
pub(crate) mod naming;
pub(crate) mod numbering;
pub(crate) mod opening;
pub(crate) mod pushing;
pub(crate) mod reading;
pub(crate) mod receipts;
pub(crate) mod refusing;
pub(crate) mod reporting;
pub(crate) mod requeueing;
pub(crate) mod scopes;
pub(crate) mod support;
pub(crate) mod unlinking;
pub(crate) mod verifying;
pub(crate) mod waiting;
pub(crate) mod walking;

/// Passes the single list of all cases to a macro. Each topic is preceded by what a store needs for it:
/// `required`, or capabilities.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_case {
    ($($then:tt)+) => {
        $($then)+ {
            required: opening {
                the_first_open_creates_and_the_second_finds
                a_new_conversation_is_what_its_plan_says
                opening_again_changes_nothing
                opening_again_after_a_reassignment_keeps_the_new_user
                each_pair_has_its_own
                concurrent_opens_of_a_pair_get_the_same_and_one_created_it
                bookings_are_listed_with_the_newest_link_first
                linking_again_keeps_the_place_among_the_links
                one_booking_can_be_linked_in_two_conversations
                a_link_is_no_activity_and_raises_the_access_version_once
                a_send_decided_before_a_link_is_decided_anew
                a_conversation_opened_with_its_booking_is_one_event
                opening_and_linking_are_updates_at_their_time
                the_worker_that_opens_owns_the_new_lane
                what_was_never_opened_is_not_there
                a_conversation_is_found_by_its_pair_and_by_its_booking
                a_booking_linked_in_several_conversations_finds_the_one_opened_last
                the_newest_bookings_of_several_conversations_are_listed
            }
            required: appending {
                seqs_are_one_two_three_in_each_conversation
                concurrent_sends_get_dense_seqs_and_times_that_never_decrease
                the_answer_is_what_the_store_holds
                positions_count_what_was_addressed_to_each_side
                time_stands_still_when_the_clock_goes_back
                no_message_is_older_than_its_conversation
                a_stale_access_version_leaves_no_trace
                what_was_stale_can_be_sent_on_the_new_access_version
                an_unknown_conversation_is_stale
                a_message_is_an_event_at_its_time
                only_the_send_that_creates_the_lane_gets_it
                a_text_is_kept_to_the_byte
                the_writer_is_kept_as_the_step_says
            }
            required: extras {
                extras_come_back_whole_wherever_their_message_does
                extras_of_messages_sent_at_once_are_not_mixed_up
            }
            required: keys {
                a_key_sent_again_answers_with_its_message
                a_key_sent_again_with_another_text_answers_with_the_first
                a_key_is_seen_whatever_the_access_version
                what_is_seen_says_when_it_was_read
                concurrent_sends_with_one_key_are_one_message
                each_sender_has_keys_of_their_own
                the_next_user_of_an_agent_has_keys_of_their_own
                each_conversation_has_keys_of_its_own
                keys_differ_by_every_character
                messages_without_a_key_are_never_the_same
                what_was_stale_did_not_use_up_its_key
                what_was_sent_is_found_by_sender_and_key
                what_the_system_sent_is_found_without_a_sender
            }
            required: reading {
                reading_moves_the_position_to_the_message
                unread_is_what_was_addressed_to_a_side_above_what_it_read
                reading_never_moves_back
                reading_again_tells_when_it_was_read_first
                ones_own_messages_are_never_unread
                reading_up_to_ones_own_message_reads_what_stands_before_it
                messages_of_the_system_are_read_by_whom_they_address
                a_message_of_another_conversation_is_unknown
                a_stale_access_version_leaves_no_trace
                an_unknown_conversation_is_stale
                concurrent_readers_end_at_the_furthest_message
                sending_and_reading_at_once_keep_the_count
                reading_is_an_event_at_its_time
                the_worker_that_reads_owns_the_new_lane
            }
            required: receipts {
                a_message_has_the_time_of_the_first_receipt_that_covers_it
                a_read_time_never_changes
                no_receipt_covers_what_came_after_it
                each_side_has_its_own_receipts
                a_receipt_is_never_older_than_the_conversation
                a_receipt_is_never_older_than_the_one_before
                reading_is_no_activity
            }
            required: changing {
                a_change_does_what_it_says_and_raises_the_access_version
                what_is_so_already_changes_nothing
                a_stale_access_version_leaves_no_trace
                an_unknown_conversation_is_stale
                of_two_changes_decided_on_one_access_version_one_is_stale
                a_send_decided_before_a_block_is_not_accepted_after_it
                a_send_and_a_block_at_once_come_one_after_the_other
                a_blocked_or_closed_conversation_stays_readable
                the_store_leaves_it_to_the_rules_who_may_send
                a_reassignment_moves_the_conversation_to_the_new_users_inbox
                a_change_is_an_update_at_its_time
                the_entry_of_a_change_that_ends_access_names_its_user_until_it_is_a_dead_letter
                the_worker_that_changes_owns_the_new_lane
            }
            required: listing {
                the_newest_activity_comes_first
                a_message_brings_its_conversation_to_the_top
                reading_linking_and_changing_move_nothing
                of_equal_times_the_larger_id_comes_first
                an_inbox_without_conversations_is_an_empty_page
                a_full_page_that_holds_all_has_no_more
                a_full_last_page_has_no_more
                skipping_gives_the_same_pages_as_walking
                skipping_to_or_past_the_end_is_an_empty_page
                skipping_to_a_full_last_page_has_no_more
                a_row_is_the_conversation_as_it_is_shown
            }
            required: scopes {
                a_client_sees_their_own
                an_agents_user_sees_the_agents
                an_agents_inbox_needs_both_the_agent_and_the_user
                an_admin_sees_all
                one_user_in_two_parts_has_two_inboxes
                counting_stops_at_the_cap
                a_total_is_the_sum_of_its_own_sides_unread
                a_total_follows_reading
                an_admins_total_is_of_the_conversations_they_take_part_in
                blocked_and_closed_conversations_still_count
                an_agents_conversations_are_listed_by_id
                an_agents_conversations_are_all_of_them_whoever_answers
            }
            required: history {
                the_newest_come_oldest_first
                before_a_message_stand_the_nearest_earlier_ones
                after_a_message_stand_the_nearest_later_ones
                a_full_page_of_the_newest_that_holds_all_has_no_more
                a_full_page_before_that_reaches_the_first_has_no_more
                a_full_page_after_that_reaches_the_last_has_no_more
                a_page_with_room_to_spare_has_no_more
                one_left_after_is_more
                nothing_stands_before_the_first
                nothing_stands_before_the_beginning
                after_the_beginning_stands_the_first
                nothing_stands_after_the_last
                nothing_stands_after_a_seq_beyond_the_end
                before_a_seq_beyond_the_end_stand_the_newest
                before_the_largest_seq_stand_the_newest
                nothing_stands_after_the_largest_seq
                a_conversation_without_messages_has_empty_pages
                an_unknown_conversation_has_no_history
                a_page_comes_with_the_conversation_as_it_is
                the_largest_page_is_exact_at_its_end
                a_history_holds_nothing_of_another_conversation
            }
            required: walking {
                a_walk_back_meets_each_message_once_whatever_is_sent
                a_walk_forward_meets_each_message_once_whatever_is_sent
                what_a_walk_sees_of_running_sends_is_dense
                a_walk_of_the_list_meets_what_stays_where_it_is_exactly_once
                a_walk_goes_on_behind_a_conversation_that_has_moved_away
                a_walk_of_equal_times_meets_each_conversation_once
            }
            required: claiming {
                events_are_numbered_densely_in_commit_order
                without_events_there_is_nothing_to_claim
                what_is_nobodys_is_due_at_once
                what_is_nobodys_is_due_at_once_when_the_clock_went_back
                a_writers_lane_is_its_own_until_the_lease_is_over
                a_claimed_lane_is_its_claimers_until_the_lease_is_over
                a_lane_taken_over_starts_at_its_first_unpublished_event
                a_later_event_extends_the_lane_and_leaves_its_owner
                the_longest_waiting_come_first_and_no_more_than_asked
                workers_that_claim_at_once_share_the_lanes_between_them
                of_what_is_nobodys_the_longest_waiting_comes_first
                usual_and_full_scans_claim_all_that_is_due
                what_a_step_makes_due_for_a_time_long_past_is_claimed
            }
            required: numbering {
                opening_answers_the_number_of_its_entry
                linking_answers_the_number_of_its_entry
                sending_answers_the_number_of_its_entry
                reading_answers_the_number_of_its_entry
                changing_answers_the_number_of_its_entry
                unlinking_answers_the_number_of_its_entry
                requeueing_answers_the_number_of_its_entry
            }
            required: acknowledging {
                a_lane_published_whole_ends
                the_next_event_begins_a_new_lane
                a_lane_published_in_part_goes_on_behind_it
                acknowledging_in_part_renews_the_lease
                an_owner_goes_on_under_its_renewed_lease
                an_event_committed_since_loading_is_not_lost
                acknowledging_in_part_forgets_failures
                who_does_not_own_a_lane_leaves_it_as_it_is
                who_lost_a_lane_leaves_it_to_the_new_owner
                what_is_said_under_an_earlier_lease_is_void
                several_lanes_are_acknowledged_in_one_call
                acknowledging_what_is_not_there_is_nothing
            }
            required: delaying {
                a_lane_let_go_early_is_due_for_anyone_at_its_time
                a_lane_let_go_for_long_is_due_for_nobody_before_its_time
                failures_are_counted_by_their_kind
                being_claimed_or_taken_over_is_no_failure
                an_event_that_comes_meanwhile_waits_with_the_lane
                who_does_not_own_a_lane_cannot_let_it_go
                what_is_said_under_an_earlier_lease_is_void
                a_lane_let_go_cannot_be_acknowledged_by_who_had_it
                several_lanes_are_let_go_in_one_call
            }
            required: loading {
                entries_come_in_order_from_the_head_on
                several_lanes_are_loaded_each_from_its_own_head
                what_is_not_there_is_not_loaded
                loading_takes_nothing_away
                an_entry_comes_with_the_conversation_as_it_is_now
                a_message_comes_as_it_was_sent_and_read
                an_update_comes_with_the_booking_linked_last
                a_receipt_comes_with_what_it_newly_covered
                a_receipt_lists_neither_ones_own_messages_nor_the_systems
                a_receipt_of_system_messages_only_lists_nothing
                a_receipt_does_not_list_what_the_other_sides_receipt_covered
                a_receipt_lists_the_newest_hundred
            }
            required: refusing {
                a_dead_letter_leaves_its_lane_and_is_listed
                a_lane_continues_after_a_dead_letter
                what_stands_before_and_behind_is_published
                a_lane_whose_last_entry_is_a_dead_letter_ends
                a_lane_left_without_entries_ends_when_it_is_acknowledged
                dead_letters_are_listed_oldest_first
                dead_letters_are_listed_page_by_page
                a_walk_goes_on_where_what_it_met_last_was_requeued
                dead_lettering_an_entry_twice_lists_it_once
                a_worker_that_does_not_own_the_lane_makes_no_dead_letter
                an_earlier_lease_makes_no_dead_letter
                a_message_whose_event_is_a_dead_letter_stays_in_the_history
            }
            required: requeueing {
                an_event_requeued_is_the_newest_of_its_conversation
                what_names_a_receipt_or_the_conversation_comes_back_as_it_was
                where_nothing_else_waits_its_publisher_gets_the_lane
                where_nothing_else_waits_and_nobody_is_named_it_is_due_at_once
                requeueing_twice_does_it_once
                of_many_at_once_one_requeues
                whatever_is_requeued_at_once_beside_sends_is_numbered_densely
                the_next_event_follows_what_was_requeued
                an_entry_that_is_no_dead_letter_is_not_requeued
                a_requeued_event_can_become_a_dead_letter_again
                requeueing_changes_nothing_else
            }
            required: waiting {
                an_empty_store_has_no_backlog
                a_backlog_counts_conversations_not_events
                claiming_publishes_nothing
                a_backlog_ages_from_its_oldest_unpublished_event
                a_backlog_has_the_time_when_its_first_lane_is_due
                a_probe_of_writes_changes_nothing
            }
            required: dropping {
                an_open_dropped_and_repeated_is_one_conversation
                a_send_dropped_and_repeated_is_one_message
                a_reading_dropped_and_repeated_is_one_receipt
                a_claim_dropped_leaves_its_lanes_due_after_the_lease_at_the_latest
                an_acknowledgement_dropped_and_repeated_ends_the_lane
            }
            required: unlinking {
                the_newest_link_that_is_left_is_shown
                a_booking_linked_again_is_the_newest
                unlinking_raises_the_access_version_and_is_an_update_at_its_time
                a_send_decided_before_it_is_decided_anew
                what_is_not_linked_changes_nothing
                the_worker_that_unlinks_owns_the_new_lane
                of_many_at_once_one_unlinks_it
                linking_and_unlinking_at_once_come_one_after_the_other
            }
            required: naming {
                a_hosts_ids_are_kept_to_the_byte
                ids_that_differ_in_case_are_different
                bookings_that_differ_in_case_are_different
                times_are_kept_to_the_millisecond_from_first_to_last
            }
            digests: due {
                the_first_unread_message_makes_a_side_due_and_later_ones_do_not_put_it_off
                a_message_of_the_system_makes_those_due_whom_it_addresses
                where_nobody_is_mailed_nobody_is_due
                who_has_read_everything_is_not_due_and_who_has_read_a_part_stays_so
                reading_and_sending_at_once_leave_who_has_something_unread_due
                nobody_is_claimed_before_they_are_due
                who_has_been_due_longest_comes_first_and_no_more_than_asked
                who_is_due_in_several_conversations_and_on_both_sides_is_claimed_once
                somebody_under_a_lease_is_passed_over_until_it_is_over
                of_many_who_claim_at_once_one_gets_each_user
                after_a_reassignment_the_new_user_is_due
            }
            digests: mailing {
                what_is_neither_read_nor_mailed_is_listed_with_its_oldest
                what_a_side_wrote_itself_is_not_among_it
                what_waits_longest_for_a_user_is_listed_first
                an_attempt_is_given_to_whoever_claims_next_and_the_last_one_counts
                nothing_is_recorded_under_a_lease_that_is_over_or_not_theirs
                an_excerpt_shows_the_first_messages_within_its_extent
                an_excerpt_shows_only_what_may_be_told
                deferrals_are_counted_until_a_digest_is_finished
                excerpts_come_as_they_were_asked_for
                what_was_mailed_is_not_due_and_what_came_later_is_looked_at_again
                what_was_read_meanwhile_is_not_looked_at_again
                nothing_is_mailed_of_a_side_that_is_not_the_users
                finishing_ends_the_lease_and_remembers_the_newest
                holding_moves_what_is_due_earlier_and_nobody_elses
                an_attempt_is_kept_through_a_hold_unless_it_came_to_nothing
            }
            push: pushing {
                a_message_is_pushed_once_and_none_within_a_minute
                of_many_pushes_at_once_one_is_admitted
            }
            moderation: reporting {
                the_first_complaint_opens_a_report
                the_next_complaint_is_added_to_it
                a_complaint_repeated_is_kept_once
                complaints_that_differ_in_any_character_are_all_kept
                of_many_complaints_at_once_one_opens_the_report
                a_report_that_is_full_stays_as_it_is
                of_many_complaints_at_once_no_more_are_kept_than_fit
                after_a_full_report_is_resolved_the_next_complaint_opens_another
                each_reporter_has_their_own
                what_is_not_there_is_not_reported
                fifteen_messages_around_the_reported_one_are_copied
                without_a_message_the_newest_31_are_copied
                an_empty_conversation_is_reported_without_evidence
                evidence_is_the_messages_as_they_were_sent
                reports_are_listed_newest_first_and_page_by_page
                reports_are_listed_by_how_they_stand
                nobody_is_listed_a_report_that_they_have_a_part_in
                a_report_is_resolved_once
                of_many_concurrent_resolutions_one_takes_effect
                after_a_report_is_resolved_the_next_complaint_opens_another
                a_complaint_concurrent_with_a_resolution_is_not_lost
                reporting_changes_nothing_in_the_conversation
            }
            activity: counting {
                an_empty_store_has_empty_buckets
                what_is_at_the_begin_of_a_bucket_is_in_it_and_at_its_end_in_the_next
                messages_of_the_system_are_nobodys
                who_sent_or_read_is_active_once
                one_user_on_both_sides_of_the_market_is_one
                a_first_reply_counts_when_it_is_sent_with_how_long_the_client_waited
                who_is_not_answered_yet_is_no_reply
                percentiles_are_waits_that_occurred
                an_agents_activity_is_that_of_its_conversations
                what_somebody_else_answers_for_now_still_counts
                many_buckets_are_counted_at_once
            }
            erasure: erasing {
                somebody_unknown_stands_in_the_place_of_whom_is_erased
                who_is_erased_sends_nothing_that_was_decided_before
                the_pair_is_free_for_another_conversation
                messages_of_whom_is_erased_are_empty_and_nothing_else_is_changed
                what_waits_to_be_published_is_empty_too
                numbers_add_up_after_somebody_was_erased
                traces_are_where_somebody_stands_or_has_written
                traces_are_looked_for_piece_by_piece
            }
            erasure moderation: erasing_reports {
                evidence_stays_as_it_was
                a_resolved_report_keeps_only_the_names_of_staff
                an_open_report_stays_until_it_is_resolved_and_others_stay
                copies_of_a_former_users_messages_are_emptied_too
            }
            erasure digests: erasing_digests {
                whom_is_erased_is_not_due
                when_somebody_was_mailed_is_forgotten
                an_excerpt_leaves_out_what_was_erased
            }
            audit: auditing {
                records_are_kept_and_listed_newest_first
                a_page_begins_behind_the_record_named
                a_walk_meets_no_record_twice_whatever_is_added
                an_empty_log_is_an_empty_page
                a_record_may_be_of_a_conversation_that_does_not_exist
            }
            recount: verifying {
                an_empty_store_has_no_tallies
                a_conversation_just_opened_has_one_event
                what_is_addressed_to_each_side_is_counted
                what_each_side_has_read_is_counted
                a_dead_letter_is_not_unpublished
                what_was_published_does_not_wait
                whatever_was_done_adds_up
                tallies_come_by_id_and_no_more_than_asked
                a_range_begins_after_one_and_ends_with_another
                a_walk_in_small_chunks_meets_each_conversation_once
                a_step_beside_it_is_counted_whole_or_not_at_all
            }
        }
    };
}
