//! The cases, by the part of the contract that they test.

#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

pub(crate) mod acknowledging;
pub(crate) mod appending;
pub(crate) mod auditing;
pub(crate) mod backlog;
pub(crate) mod cancelling;
pub(crate) mod changing;
pub(crate) mod claiming;
pub(crate) mod counting;
pub(crate) mod dead_letters;
pub(crate) mod deferring;
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
pub(crate) mod moderating;
pub(crate) mod naming;
pub(crate) mod numbering;
pub(crate) mod opening;
pub(crate) mod pushing;
pub(crate) mod reading;
pub(crate) mod receipts;
pub(crate) mod reporting;
pub(crate) mod requeueing;
pub(crate) mod scopes;
pub(crate) mod support;
pub(crate) mod unlinking;
pub(crate) mod verifying;
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
                a_new_conversation_equals_its_prepared_opening
                opening_again_changes_nothing
                opening_again_after_a_reassignment_keeps_the_new_user
                each_pair_has_its_own_conversation
                concurrent_openings_of_a_pair_return_one_conversation
                bookings_are_listed_with_the_newest_link_first
                linking_again_keeps_the_order_of_links
                one_booking_can_be_linked_in_two_conversations
                a_link_is_no_activity_and_raises_the_access_version_once
                a_send_decided_before_a_link_is_a_conflict
                a_conversation_opened_with_its_booking_is_one_event
                opening_and_linking_are_updates_at_their_time
                the_worker_that_opens_owns_the_new_lane
                an_unknown_pair_has_no_conversation
                a_conversation_is_found_by_its_pair_and_by_its_booking
                a_booking_linked_to_several_conversations_finds_the_newest_link
                the_newest_bookings_of_several_conversations_are_listed
            }
            required: appending {
                seqs_are_one_two_three_in_each_conversation
                concurrent_sends_get_dense_seqs_and_times_that_never_decrease
                the_result_equals_the_stored_message
                positions_count_what_was_addressed_to_each_side
                message_times_do_not_decrease_when_the_clock_is_set_back
                no_message_is_older_than_its_conversation
                a_stale_access_version_changes_nothing
                a_conflicting_send_succeeds_on_the_new_access_version
                an_unknown_conversation_is_a_conflict
                a_message_is_an_event_at_its_time
                only_the_send_that_creates_the_lane_gets_it
                a_text_is_stored_byte_for_byte
                the_sender_is_stored_unchanged
            }
            required: extras {
                extras_come_back_whole_wherever_their_message_does
                extras_of_messages_sent_at_once_are_not_mixed_up
            }
            required: keys {
                a_repeated_key_returns_its_message
                a_repeated_key_with_another_text_returns_the_original
                a_repeated_key_is_a_duplicate_under_any_access_version
                a_duplicate_includes_its_read_time
                concurrent_sends_with_one_key_are_one_message
                each_sender_has_keys_of_their_own
                the_next_user_of_an_agent_has_keys_of_their_own
                each_conversation_has_keys_of_its_own
                keys_differ_by_every_character
                messages_without_a_key_are_never_duplicates
                a_conflicting_send_does_not_use_its_key
                a_message_is_found_by_sender_and_key
                a_system_message_is_found_by_key_alone
            }
            required: reading {
                reading_moves_the_position_to_the_message
                unread_counts_addressed_messages_after_the_read_position
                reading_never_moves_back
                reading_again_returns_the_first_read_time
                own_messages_are_never_unread
                reading_up_to_an_own_message_reads_earlier_ones
                system_messages_are_read_by_the_addressed_sides
                a_message_of_another_conversation_is_unknown
                a_stale_access_version_changes_nothing
                an_unknown_conversation_is_a_conflict
                concurrent_readers_end_at_the_furthest_message
                concurrent_sending_and_reading_keep_the_count
                reading_is_an_event_at_its_time
                the_worker_that_reads_owns_the_new_lane
            }
            required: receipts {
                a_message_has_the_time_of_the_first_receipt_that_covers_it
                a_read_time_never_changes
                no_receipt_covers_later_messages
                each_side_has_its_own_receipts
                a_receipt_is_never_older_than_the_conversation
                a_receipt_is_never_older_than_the_one_before
                reading_is_no_activity
            }
            required: changing {
                each_change_is_applied_and_raises_the_access_version
                a_change_already_made_has_no_effect
                a_stale_access_version_changes_nothing
                an_unknown_conversation_is_a_conflict
                of_two_changes_on_one_access_version_one_is_a_conflict
                a_send_decided_before_a_block_is_a_conflict_after_it
                a_concurrent_send_and_block_are_serialised
                a_blocked_or_closed_conversation_stays_readable
                the_store_does_not_enforce_the_right_to_send
                a_reassignment_moves_the_conversation_to_the_new_users_list
                a_change_is_an_update_at_its_time
                the_entry_of_a_change_that_ends_access_names_its_user_until_it_is_a_dead_letter
                the_worker_that_changes_owns_the_new_lane
            }
            required: listing {
                the_newest_activity_comes_first
                a_message_moves_its_conversation_to_the_top
                reading_linking_and_changing_move_nothing
                at_equal_times_the_larger_id_comes_first
                a_list_without_conversations_is_an_empty_page
                a_full_page_of_all_conversations_has_no_more
                a_full_last_page_has_no_more
                numbered_pages_equal_cursor_pages
                a_numbered_page_past_the_end_is_empty
                a_full_last_numbered_page_has_no_more
                a_row_equals_the_conversations_summary
            }
            required: scopes {
                a_client_sees_their_own_conversations
                an_agents_user_sees_the_agents_conversations
                an_agent_scope_needs_both_the_agent_and_the_user
                an_admin_sees_all
                a_user_in_two_roles_has_two_lists
                counting_stops_at_the_cap
                a_total_is_the_sum_of_the_scopes_unread_counts
                a_total_follows_reading
                an_admins_total_covers_conversations_they_take_part_in
                blocked_and_closed_conversations_still_count
                an_agents_conversations_are_listed_by_id
                an_agents_conversations_include_those_of_former_users
            }
            required: history {
                the_newest_come_oldest_first
                a_page_before_a_message_has_the_nearest_earlier_ones
                a_page_after_a_message_has_the_nearest_later_ones
                a_full_page_of_all_messages_has_no_more
                a_full_page_before_that_reaches_the_first_has_no_more
                a_full_page_after_that_reaches_the_last_has_no_more
                a_page_with_room_to_spare_has_no_more
                a_single_further_message_is_more
                a_page_before_the_first_message_is_empty
                a_page_before_the_beginning_is_empty
                a_page_after_the_beginning_starts_with_the_first_message
                a_page_after_the_last_message_is_empty
                a_page_after_a_seq_beyond_the_end_is_empty
                a_page_before_a_seq_beyond_the_end_has_the_newest
                a_page_before_the_largest_seq_has_the_newest
                a_page_after_the_largest_seq_is_empty
                a_conversation_without_messages_has_empty_pages
                an_unknown_conversation_has_no_history
                a_page_includes_the_current_conversation
                the_largest_page_is_exact_at_its_end
                a_history_excludes_other_conversations
            }
            required: walking {
                paging_backwards_visits_each_message_once_during_sends
                paging_forwards_visits_each_message_once_during_sends
                paging_during_sends_sees_seqs_without_gaps
                paging_a_list_visits_unmoved_conversations_once
                paging_continues_after_a_moved_conversation
                paging_at_equal_times_visits_each_conversation_once
            }
            required: claiming {
                events_are_numbered_without_gaps_in_commit_order
                without_events_no_lane_can_be_claimed
                a_lane_without_an_owner_is_due_at_once
                a_lane_without_an_owner_is_due_at_once_after_the_clock_was_set_back
                a_lane_belongs_to_its_creator_until_the_lease_expires
                a_claimed_lane_belongs_to_its_claimer_until_the_lease_expires
                a_lane_taken_over_starts_at_its_first_unpublished_event
                a_later_event_extends_the_lane_and_keeps_its_owner
                lanes_are_claimed_longest_waiting_first_up_to_the_limit
                concurrent_workers_claim_disjoint_lanes
                lanes_without_an_owner_are_claimed_longest_waiting_first
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
                a_fully_published_lane_ends
                the_next_event_begins_a_new_lane
                a_partly_published_lane_continues_after_the_acknowledged_entries
                a_partial_acknowledgement_renews_the_lease
                an_owner_continues_under_its_renewed_lease
                an_event_committed_since_loading_is_not_lost
                a_partial_acknowledgement_resets_failures
                an_acknowledgement_without_ownership_has_no_effect
                an_acknowledgement_by_a_former_owner_has_no_effect
                an_earlier_lease_has_no_effect
                several_lanes_are_acknowledged_in_one_call
                acknowledging_a_missing_lane_has_no_effect
            }
            required: deferring {
                a_lane_deferred_within_its_lease_can_be_claimed_at_its_time
                a_lane_deferred_beyond_its_lease_cannot_be_claimed_before_its_time
                failures_are_counted_by_their_kind
                claiming_a_lane_is_no_failure
                a_new_event_waits_with_its_deferred_lane
                a_lane_is_deferred_only_by_its_owner
                an_earlier_lease_has_no_effect
                a_deferred_lane_cannot_be_acknowledged_by_its_former_owner
                several_lanes_are_deferred_in_one_call
            }
            required: loading {
                entries_are_loaded_in_order_from_the_head
                several_lanes_are_loaded_each_from_its_own_head
                missing_lanes_are_not_loaded
                loading_changes_nothing
                an_entry_is_loaded_with_the_current_conversation
                a_message_entry_is_loaded_with_its_read_times
                an_update_is_loaded_with_the_newest_booking
                a_receipt_is_loaded_with_the_messages_it_newly_covers
                a_receipt_lists_neither_own_nor_system_messages
                a_receipt_of_system_messages_alone_lists_none
                a_receipt_is_independent_of_the_other_sides_receipts
                a_receipt_lists_the_newest_hundred
            }
            required: dead_letters {
                a_dead_letter_leaves_its_lane_and_is_listed
                a_lane_continues_after_a_dead_letter
                entries_before_and_after_a_dead_letter_are_published
                a_lane_whose_last_entry_is_a_dead_letter_ends
                a_lane_left_without_entries_ends_when_it_is_acknowledged
                dead_letters_are_listed_oldest_first
                dead_letters_are_listed_in_pages
                paging_continues_after_its_last_dead_letter_was_requeued
                dead_lettering_an_entry_twice_lists_it_once
                a_worker_that_does_not_own_the_lane_makes_no_dead_letter
                an_earlier_lease_makes_no_dead_letter
                a_message_whose_event_is_a_dead_letter_stays_in_the_history
            }
            required: requeueing {
                a_requeued_event_is_the_newest_of_its_conversation
                receipts_and_updates_are_requeued_unchanged
                without_a_lane_the_requeueing_publisher_owns_the_new_lane
                without_a_lane_or_a_publisher_a_requeued_event_is_due_at_once
                requeueing_twice_requeues_once
                of_concurrent_requeues_one_takes_effect
                events_requeued_during_sends_are_numbered_without_gaps
                the_next_event_follows_the_requeued_one
                an_entry_that_is_no_dead_letter_is_not_requeued
                a_requeued_event_can_become_a_dead_letter_again
                requeueing_changes_only_the_outbox
            }
            required: backlog {
                an_empty_store_has_no_backlog
                a_backlog_counts_conversations_not_events
                claiming_publishes_nothing
                a_backlog_ages_from_its_oldest_unpublished_event
                a_backlog_has_the_time_when_its_first_lane_is_due
                a_probe_of_writes_changes_nothing
            }
            required: cancelling {
                a_cancelled_and_repeated_opening_creates_one_conversation
                a_cancelled_and_repeated_send_stores_one_message
                a_cancelled_and_repeated_mark_read_stores_one_receipt
                lanes_of_a_cancelled_claim_are_due_after_the_lease
                a_cancelled_and_repeated_acknowledgement_ends_the_lane
            }
            required: unlinking {
                the_newest_remaining_link_is_shown
                a_booking_linked_again_is_the_newest
                unlinking_raises_the_access_version_and_is_an_update_at_its_time
                a_send_decided_before_an_unlinking_is_a_conflict
                unlinking_an_unlinked_booking_changes_nothing
                the_worker_that_unlinks_owns_the_new_lane
                of_concurrent_unlinkings_one_takes_effect
                concurrent_linking_and_unlinking_are_serialised
            }
            required: naming {
                host_ids_are_stored_byte_for_byte
                ids_that_differ_in_case_are_different
                bookings_that_differ_in_case_are_different
                all_times_are_stored_to_the_millisecond
            }
            digests: due {
                the_first_unread_message_makes_a_side_due_and_later_ones_do_not_postpone_it
                a_system_message_makes_the_addressed_sides_due
                without_digests_no_side_is_due
                reading_all_messages_clears_the_due_time_and_reading_some_keeps_it
                concurrent_reading_and_sending_keep_a_side_with_unread_messages_due
                no_user_is_claimed_before_their_due_time
                users_are_claimed_longest_due_first_up_to_the_limit
                a_user_due_in_several_conversations_is_claimed_once
                a_leased_user_is_skipped_until_the_lease_expires
                concurrent_claims_lease_each_user_once
                after_a_reassignment_the_new_user_is_due
            }
            digests: mailing {
                unmailed_sides_are_listed_with_their_oldest_message
                own_messages_are_not_unmailed
                unmailed_sides_are_listed_longest_waiting_first
                the_next_claim_returns_the_last_attempt
                an_expired_or_foreign_lease_records_nothing
                an_excerpt_shows_the_first_messages_within_its_extent
                an_excerpt_shows_only_messages_that_may_be_mailed
                deferrals_are_counted_until_a_digest_is_completed
                excerpts_are_in_the_order_of_the_extents
                mailed_messages_are_not_due_and_later_ones_are_checked_again
                messages_read_meanwhile_are_not_checked_again
                a_foreign_side_is_not_marked_as_mailed
                completing_ends_the_lease_and_keeps_the_newest_times
                postponing_moves_earlier_due_times_of_that_user_only
                a_postponement_keeps_the_attempt_unless_it_is_forgotten
            }
            push: pushing {
                a_message_is_pushed_once_and_none_within_a_minute
                of_concurrent_pushes_one_is_admitted
            }
            moderation: reporting {
                the_first_complaint_opens_a_report
                the_next_complaint_is_added_to_it
                a_repeated_complaint_is_kept_once
                complaints_that_differ_in_any_character_are_all_kept
                of_concurrent_complaints_one_opens_the_report
                a_full_report_is_unchanged
                concurrent_complaints_do_not_exceed_the_maximum
                after_a_full_report_is_resolved_the_next_complaint_opens_another
                each_reporter_has_their_own_report
                a_missing_conversation_or_message_is_not_reported
                fifteen_messages_around_the_reported_one_are_copied
                without_a_message_the_newest_31_are_copied
                an_empty_conversation_is_reported_without_evidence
                evidence_equals_the_sent_messages
                reporting_does_not_change_the_conversation
            }
            moderation: moderating {
                reports_are_listed_newest_first_in_pages
                reports_are_listed_by_status
                a_report_is_not_listed_to_its_parties
                a_report_is_resolved_once
                of_concurrent_resolutions_one_takes_effect
                after_a_report_is_resolved_the_next_complaint_opens_another
                a_complaint_concurrent_with_a_resolution_is_not_lost
            }
            activity: counting {
                an_empty_store_has_empty_buckets
                a_bucket_includes_its_start_and_excludes_its_end
                system_messages_count_for_no_user
                a_user_who_sent_or_read_is_active_once
                a_user_on_both_sides_counts_once
                a_first_reply_counts_at_its_time_with_the_clients_wait
                an_unanswered_conversation_has_no_first_reply
                percentiles_are_actual_waits
                an_agents_activity_is_that_of_its_conversations
                a_reassigned_conversation_still_counts
                many_buckets_are_counted_together
            }
            erasure: erasing {
                an_erased_user_is_replaced_by_an_anonymous_id
                a_send_decided_before_the_erasure_is_a_conflict
                after_an_erasure_the_pair_can_open_another_conversation
                messages_of_an_erased_user_are_empty_and_others_are_unchanged
                unpublished_messages_of_an_erased_user_are_empty_too
                an_erasure_causes_no_discrepancy
                traces_are_conversations_of_a_participant_or_sender
                traces_are_listed_in_pages
            }
            erasure moderation: erasing_reports {
                evidence_of_an_open_report_is_unchanged
                a_resolved_report_keeps_only_the_names_of_staff
                an_open_report_stays_until_it_is_resolved_and_others_stay
                copies_of_a_former_users_messages_are_emptied_too
            }
            erasure digests: erasing_digests {
                an_erased_user_is_not_due
                erasure_removes_the_times_of_e_mails
                an_excerpt_leaves_erased_messages_out
            }
            audit: auditing {
                records_are_kept_and_listed_newest_first
                a_page_begins_after_the_named_record
                paging_repeats_no_record_during_additions
                an_empty_log_is_an_empty_page
                a_record_may_be_of_a_conversation_that_does_not_exist
            }
            recount: verifying {
                an_empty_store_has_no_recounts
                a_conversation_just_opened_has_one_event
                messages_addressed_to_each_side_are_counted
                messages_read_by_each_side_are_counted
                a_dead_letter_is_not_unpublished
                published_events_are_not_unpublished
                any_steps_are_recounted_without_a_discrepancy
                recounts_are_in_id_order_up_to_the_limit
                a_range_excludes_its_start_and_includes_its_end
                small_chunks_visit_each_conversation_once
                a_concurrent_step_is_recounted_as_a_whole
            }
        }
    };
}
