from django.urls import path

from portal.schedules import views

pages = [
    path("scans/schedules/", views.schedule_list, name="schedule_list"),
    path("scans/schedules/new/", views.schedule_new, name="schedule_new"),
    path("scans/schedules/<slug:slug>/", views.schedule_detail, name="schedule_detail"),
    path("scans/schedules/<slug:slug>/remove/", views.schedule_remove, name="schedule_remove"),
    path("hosts/<slug:slug>/schedule/", views.host_schedule, name="host_schedule"),
]
